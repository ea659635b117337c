"""Tool-calling conversations in English and Chinese, in the three formats that log them."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

Record = dict[str, Any]
CITIES = (("Lisbon", "里斯本"), ("Hangzhou", "杭州"), ("Oslo", "奥斯陆"), ("Accra", "阿克拉"), ("Kyoto", "京都"))


def _function(name: str, description: str, **properties: Any) -> Record:
    parameters = {"type": "object", "properties": properties, "required": list(properties)[:1]}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


TOOLS = {
    "get_weather": _function(
        "get_weather", "The weather of a city on a day", city={"type": "string", "description": "Name of the city"}, days={"type": "integer", "minimum": 0}
    ),
    "convert_currency": _function(
        "convert_currency", "Money of one country in that of another", amount={"type": "number"}, source={"type": "string"}, target={"type": "string"}
    ),
    "search_trains": _function("search_trains", "查询两个城市之间的火车", start={"type": "string"}, end={"type": "string"}, date={"type": "string"}),
}


def talk(seed: int) -> Record:
    """One conversation, independent of the format: rounds of question, calls, results and answer; some rounds have two calls."""
    random = Random(f"tools:{seed}")
    chinese = seed % 2
    rounds = [_round(random, chinese) for _ in range(random.choice((1, 1, 2, 3)))]
    names = sorted({call[0] for one in rounds for call in one["calls"]}) or ["get_weather"]
    system = "你是一个乐于助人的助手。" if chinese else "You are a helpful assistant with access to functions."
    return {"id": f"tools-{seed:03d}", "system": system, "tools": [TOOLS[name] for name in names], "rounds": rounds}


def _round(random: Random, chinese: int) -> Record:
    city, other = (pair[chinese] for pair in random.sample(CITIES, 2))
    kind = random.randrange(4)
    if kind == 0:
        days, degrees = random.randrange(5), random.randrange(-9, 35)
        question = f"{city}{days}天后的天气怎么样？" if chinese else f"What will the weather be in {city} in {days} days?"
        answer = f"{city}会有 {degrees} 度。" if chinese else f"It will be {degrees} degrees in {city}."
        return _turn(question, [("get_weather", {"city": city, "days": days})], [{"degrees": degrees}], answer)
    if kind == 1:
        amount = f"{random.randrange(1, 900)}.{random.randrange(10, 99)}"
        question = f"{amount} 美元是多少欧元？" if chinese else f"How much is {amount} USD in EUR?"
        result = {"amount": round(float(amount) * 0.91, 2)}
        answer = f"大约是 {result['amount']} 欧元。" if chinese else f"That is about {result['amount']} EUR."
        return _turn(question, [("convert_currency", {"amount": float(amount), "source": "USD", "target": "EUR"})], [result], answer)
    if kind == 2:
        question = f"{city}和{other}今天哪里更暖和？" if chinese else f"Where is it warmer today, in {city} or in {other}?"
        both = random.sample(range(-5, 33), 2)
        warmer = city if both[0] > both[1] else other
        calls = [("get_weather", {"city": name, "days": 0}) for name in (city, other)]
        return _turn(question, calls, [{"degrees": value} for value in both], f"{warmer}更暖和。" if chinese else f"It is warmer in {warmer}.")
    question = f"{city}到{other}星期五有火车吗？" if chinese else f"Is there a train from {city} to {other} on Friday?"
    answer = "有，早上八点发车。 🚄" if chinese else "Yes, it leaves at eight in the morning. 🚄"
    return _turn(question, [("search_trains", {"start": city, "end": other, "date": "2026-11-27"})], [{"trains": [{"leaves": "08:00"}]}], answer)


def _turn(question: str, calls: list[tuple[str, Record]], results: list[Record], answer: str) -> Record:
    return {"question": question, "calls": calls, "results": results, "answer": answer}


def openai_talk(talk: Record) -> Record:
    messages: list[Record] = [{"role": "system", "content": talk["system"]}]
    for number, one in enumerate(talk["rounds"]):
        ids = [f"call_{number}_{i}" for i in range(len(one["calls"]))]
        calls = [{"id": i, "type": "function", "function": {"name": name, "arguments": _json(args)}} for i, (name, args) in zip(ids, one["calls"], strict=True)]
        messages += [{"role": "user", "content": one["question"]}, {"role": "assistant", "content": None, "tool_calls": calls}]
        # Results may come in any order; their ids name the call.
        messages += [{"role": "tool", "tool_call_id": i, "content": _json(result)} for i, result in reversed(list(zip(ids, one["results"], strict=True)))]
        messages.append({"role": "assistant", "content": one["answer"]})
    return {"id": talk["id"], "messages": messages, "tools": talk["tools"]}


def sharegpt_talk(talk: Record) -> Record:
    """This format has one call per turn, so parallel calls are logged one after the other."""
    turns: list[Record] = []
    for one in talk["rounds"]:
        turns.append({"from": "human", "value": one["question"]})
        for (name, arguments), result in zip(one["calls"], one["results"], strict=True):
            turns.append({"from": "function_call", "value": _json({"name": name, "arguments": arguments})})
            turns.append({"from": "observation", "value": _json(result)})
        turns.append({"from": "gpt", "value": one["answer"]})
    return {"id": talk["id"], "conversations": turns, "system": talk["system"], "tools": _json([tool["function"] for tool in talk["tools"]])}


def glm_talk(talk: Record) -> Record:
    messages: list[Record] = [{"role": "system", "content": talk["system"], "tools": talk["tools"]}]
    for one in talk["rounds"]:
        messages.append({"role": "user", "content": one["question"]})
        messages += [{"role": "assistant", "metadata": name, "content": _json(arguments)} for name, arguments in one["calls"]]
        messages += [{"role": "observation", "content": _json(result)} for result in one["results"]]
        messages.append({"role": "assistant", "metadata": "", "content": one["answer"]})
    return {"id": talk["id"], "messages": messages}


TALKS: dict[str, Callable[[Record], Record]] = {"openai": openai_talk, "sharegpt": sharegpt_talk, "glm": glm_talk}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
