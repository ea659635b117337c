"""Logged conversations of every kind that a chat template may meet."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Weather of a city.",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string", "description": "City"}, "days": {"type": "integer"}},
                "required": ["city"],
            },
        },
    }
]


def user(text: str) -> Json:
    return {"role": "user", "content": text}


def answer(text: str, **more: Any) -> Json:
    return {"role": "assistant", "content": text} | more


def calls(*given: tuple[str, Json], text: str = "", first: int = 1) -> Json:
    """An answer with calls, numbered from `first` on as `pipelines.dialects.hf` numbers them."""
    made = [{"id": f"call{i:05d}", "type": "function", "function": {"name": name, "arguments": arguments}} for i, (name, arguments) in enumerate(given, first)]
    return answer(text, tool_calls=made)


def result(text: str, number: int = 1, name: str = "get_weather") -> Json:
    return {"role": "tool", "tool_call_id": f"call{number:05d}", "name": name, "content": text}


PARIS, ROME = ("get_weather", {"city": "Paris", "days": 2}), ("get_weather", {"city": "Rome"})
QUOTED = ("get_weather", {"city": 'Zürich <b>"q"</b>\n', "days": 2})
PLAIN: dict[str, list[Json]] = {
    "plain": [user("What is the capital of France?"), answer("Paris is the capital.")],
    "system": [{"role": "system", "content": "You are terse."}, user("Hi there"), answer("Hello friend")],
    "multi": [user("One?"), answer("First answer."), user("Two?"), answer("Second 答案 🚄.")],
    "blank edges": [user("  spaced question \n"), answer("\n\n  spaced answer \n\n"), user("\nnext"), answer(" x ")],
    "two users": [user("First part."), user("Second part."), answer("Both answered.")],
    "answer first": [answer("Welcome!"), user("Hi"), answer("How can I help?")],
}
WITH_TOOLS: dict[str, list[Json]] = {
    "tool": [user("Weather in Paris?"), calls(PARIS), result('{"temp": 21}'), answer("It is 21 degrees.")],
    "quoted": [user("Weather in Zürich?"), calls(QUOTED), result("line\none"), answer("Fine.")],
    "call last": [user("Weather?"), calls(PARIS)],
    "steps": [user("Do it"), calls(PARIS), result("one"), calls(ROME, first=2), result("two", 2), answer("Done."), user("Thanks"), answer("Welcome.")],
    "parallel": [user("Both?"), calls(PARIS, ROME), result("21"), result("25", 2), answer("21 and 25.")],
    "text beside": [user("Weather?"), calls(PARIS, text="Let me look."), result("21"), answer("It is 21.")],
}
THINKING: dict[str, list[Json]] = {
    "think": [user("6 times 7?"), answer("It is 42.", reasoning_content="Six sevens.")],
    "think and call": [user("Weather?"), calls(PARIS) | {"reasoning_content": "I must look."}, result("21"), answer("21.", reasoning_content="It said 21.")],
    "think twice": [user("6 times 7?"), answer("42.", reasoning_content="Six sevens."), user("And 8?"), answer("48.", reasoning_content="Six eights.")],
}


def record(messages: list[Json], tools: list[Json] | None = None) -> Json:
    return {"messages": messages} | ({"tools": tools} if tools else {})
