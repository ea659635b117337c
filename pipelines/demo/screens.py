"""Screenshots that look like apps, drawn: a status bar, a title, rows, cards, buttons, a chat, a map, a desktop window."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from random import Random

from PIL import Image, ImageDraw, ImageFont

PHONES = ((1080, 2400), (720, 1600), (1080, 2400), (1440, 3120), (720, 1600), (1080, 1920))
DESKTOPS = ((1920, 1080), (1366, 768), (2560, 1440))
APPS = ("Mail", "Shop", "Chat", "Settings", "Maps", "Calendar", "Photos", "Bank")
ACCENTS = ("#2563eb", "#059669", "#db2777", "#ea580c", "#7c3aed", "#0891b2", "#ca8a04", "#475569")
WORDS = [
    "Order",
    "Tea",
    "Monday",
    "Invoice",
    "Parcel",
    "Photos",
    "Night",
    "train",
    "Weather",
    "Dinner",
    "Wi-Fi",
    "Battery",
    "Sound",
    "Privacy",
    "Tickets",
    "Reading",
    "Coffee",
    "Garden",
    "Budget",
    "Holiday",
]


@dataclass(frozen=True, slots=True)
class Screen:
    """What to draw; `step` changes the content, so that the screens of an episode differ."""

    app: str
    width: int
    height: int
    dark: bool
    seed: int
    step: int

    @property
    def is_desktop(self) -> bool:
        return self.width > self.height


class Sheet:
    """A drawing whose unit `u` is a hundredth of the shorter side, on every device."""

    def __init__(self, screen: Screen):
        self.u = min(screen.width, screen.height) / 100
        self.width, self.height = screen.width, screen.height
        self.paper, self.card, self.ink, self.faint = (
            ("#111827", "#1f2937", "#f9fafb", "#9ca3af") if screen.dark else ("#f3f4f6", "#ffffff", "#111827", "#6b7280")
        )
        self.accent = ACCENTS[APPS.index(screen.app)]
        self.image = Image.new("RGB", (screen.width, screen.height), self.paper)
        self.draw = ImageDraw.Draw(self.image)

    def box(self, x: float, y: float, width: float, height: float, fill: str, radius: float = 2) -> None:
        u = self.u
        self.draw.rounded_rectangle((x * u, y * u, (x + width) * u, (y + height) * u), radius * u, fill)

    def text(self, x: float, y: float, words: str, size: float = 4, fill: str | None = None) -> None:
        self.draw.text((x * self.u, y * self.u), words, fill or self.ink, _font(max(8, int(size * self.u))))

    def dot(self, x: float, y: float, radius: float, fill: str) -> None:
        u = self.u
        self.draw.ellipse(((x - radius) * u, (y - radius) * u, (x + radius) * u, (y + radius) * u), fill)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def draw_screen(screen: Screen) -> Image.Image:
    random = Random(f"{screen.app}:{screen.seed}:{screen.step}")
    sheet = Sheet(screen)
    if screen.is_desktop:
        _desktop(sheet, screen, random)
    else:
        _phone(sheet, screen, random)
    return sheet.image


def encoded(image: Image.Image, kind: str) -> bytes:
    out = io.BytesIO()
    if kind == "PNG":
        image.quantize(64, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(out, "PNG", compress_level=6)
    else:
        image.save(out, kind, quality=82, method=0)  # method: WebP's fastest
    return out.getvalue()


def _phone(sheet: Sheet, screen: Screen, random: Random) -> None:
    bottom = sheet.height / sheet.u
    sheet.text(5, 2, f"{9 + screen.step % 12}:{random.randrange(10, 60)}", 3.4)
    sheet.box(86, 2.4, 8, 3.4, sheet.faint, 1)
    sheet.text(5, 9, screen.app, 7.5)
    sheet.dot(92, 13, 4, sheet.accent)
    _BODIES[APPS.index(screen.app) % len(_BODIES)](sheet, random, 22, bottom - 16, 0, 100)
    sheet.box(0, bottom - 13, 100, 13, sheet.card, 0)
    for i in range(4):
        sheet.dot(12.5 + 25 * i, bottom - 7.5, 2.6, sheet.accent if i == screen.step % 4 else sheet.faint)


def _desktop(sheet: Sheet, screen: Screen, random: Random) -> None:
    right = sheet.width / sheet.u
    sheet.box(0, 0, right, 6, sheet.card, 0)
    sheet.text(4, 1.4, f"{screen.app} - {random.choice(WORDS)}", 2.6)
    for i, colour in enumerate(("#ef4444", "#f59e0b", "#22c55e")):
        sheet.dot(right - 4 - 4 * i, 3, 1.2, colour)
    sheet.box(0, 6, 34, 94, sheet.card, 0)
    for i in range(9):
        chosen = i == screen.step % 9
        sheet.box(2, 10 + 9 * i, 30, 7, sheet.accent if chosen else sheet.paper, 1.5)
        sheet.text(4, 11.6 + 9 * i, random.choice(WORDS), 2.8, "#ffffff" if chosen else None)
    _BODIES[APPS.index(screen.app) % len(_BODIES)](sheet, random, 10, 96, 36, right - 38)


def _rows(sheet: Sheet, random: Random, top: float, bottom: float, left: float, width: float) -> None:
    y = top
    while y + 15 < bottom:
        sheet.box(left + 4, y, width - 8, 13, sheet.card)
        sheet.dot(left + 12, y + 6.5, 3.8, random.choice(ACCENTS))
        sheet.text(left + 19, y + 2, " ".join(random.sample(WORDS, 2)), 3.8)
        sheet.text(left + 19, y + 7.4, " ".join(random.sample(WORDS, 3)).lower(), 3, sheet.faint)
        y += 15.5


def _cards(sheet: Sheet, random: Random, top: float, bottom: float, left: float, width: float) -> None:
    side = (width - 12) / 2
    for i in range(int((bottom - top) // 44) * 2):
        x, y = left + 4 + (side + 4) * (i % 2), top + 44 * (i // 2)
        sheet.box(x, y, side, 41, sheet.card)
        sheet.box(x + 2, y + 2, side - 4, 22, random.choice(ACCENTS))
        sheet.text(x + 3, y + 26, random.choice(WORDS), 3.8)
        sheet.text(x + 3, y + 32, f"{random.randrange(2, 90)}.{random.randrange(10, 99)}", 3.6, sheet.accent)


def _chat(sheet: Sheet, random: Random, top: float, bottom: float, left: float, width: float) -> None:
    y, mine = top, False
    while y + 14 < bottom:
        length = random.uniform(0.35, 0.7) * width
        x = left + width - 5 - length if mine else left + 5
        sheet.box(x, y, length, 11, sheet.accent if mine else sheet.card, 3)
        sheet.text(x + 3, y + 3.4, " ".join(random.sample(WORDS, 2)).lower(), 3.2, "#ffffff" if mine else None)
        y, mine = y + 14, not mine


def _map(sheet: Sheet, random: Random, top: float, bottom: float, left: float, width: float) -> None:
    sheet.box(left + 4, top, width - 8, bottom - top, "#d1fae5" if sheet.paper == "#f3f4f6" else "#064e3b")
    for _ in range(9):
        u = sheet.u
        ends = [(left + 6 + random.random() * (width - 12)) * u, (top + random.random() * (bottom - top)) * u]
        ends += [(left + 6 + random.random() * (width - 12)) * u, (top + random.random() * (bottom - top)) * u]
        sheet.draw.line(ends, sheet.card, int(2 * u))
    for _ in range(5):
        sheet.dot(left + 10 + random.random() * (width - 20), top + 5 + random.random() * (bottom - top - 10), 2.4, sheet.accent)
    sheet.box(left + 8, top + 4, width - 16, 11, sheet.card, 5)
    sheet.text(left + 13, top + 7.4, random.choice(WORDS), 3.8, sheet.faint)


_BODIES: tuple[Callable[[Sheet, Random, float, float, float, float], None], ...] = (_rows, _cards, _chat, _map)
