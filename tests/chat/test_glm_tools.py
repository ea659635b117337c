"""GLM-4's list of tools is cut out of column `tools` function by function: the same as reading the whole list, whatever functions hold."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.chat import glm_tools
from pipelines.chat.glm_tools import glm_tools_parts

BETWEEN = '}, {"type": "function", "function": {'
TEXTS = st.text(max_size=4) | st.sampled_from([BETWEEN, "{", "}]", '"', "\\", '"}', "天气"])
SMALL = st.fixed_dictionaries({"name": TEXTS}, optional={"description": TEXTS})
# A default that is itself a list of tools writes between two of them what stands between two functions.
TOOLS_AGAIN = st.lists(SMALL.map(lambda one: {"type": "function", "function": one}), min_size=1, max_size=3)
FUNCTION = st.fixed_dictionaries({"name": TEXTS}, optional={"description": TEXTS, "parameters": TOOLS_AGAIN | st.dictionaries(TEXTS, TOOLS_AGAIN, max_size=2)})


@settings(max_examples=300, deadline=None)
@given(functions=st.lists(FUNCTION, min_size=1, max_size=4))
def test_functions_are_shown_as_the_list_has_them(functions: list[dict[str, Any]]):
    tools = json.dumps([{"type": "function", "function": one} for one in functions], ensure_ascii=False)
    shown = [f"## {one['name']}\n\n{json.dumps(one, indent=4, ensure_ascii=False)}{glm_tools._TRAIL}" for one in functions]
    assert glm_tools_parts(tools) == [f"\n{glm_tools._LEAD}\n", *(f"{one}\n" for one in shown[:-1]), shown[-1]]
