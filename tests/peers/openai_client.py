"""Asks a server through the official OpenAI SDK as a chat program does: python openai_client.py BASE_URL TOKEN"""

import json
import sys

import openai

base_url, token = sys.argv[1:]
client = openai.OpenAI(base_url=base_url, api_key=token, max_retries=0, timeout=120)

models = [model.id for model in client.models.list()]
assert models == ["groundcrew-quick", "groundcrew-deep"], models
assert client.models.retrieve("groundcrew-quick").owned_by == "groundcrew"

question = {"role": "user", "content": "why is checkout failing?"}
whole = client.chat.completions.create(model="groundcrew-quick", messages=[question], temperature=0.2)
text = whole.choices[0].message.content
assert "pool exhausted" in text and whole.choices[0].finish_reason == "stop", text
evidence = whole.model_extra["groundcrew"]["evidence"]
assert evidence and f"[^{evidence[0]['id']}]" in text, evidence
assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens

chat = [question, {"role": "assistant", "content": text}, {"role": "user", "content": [{"type": "text", "text": "and before that?"}]}]
streamed, usage, last = "", None, None
for chunk in client.chat.completions.create(
    model="groundcrew-deep", messages=chat, stream=True, stream_options={"include_usage": True}
):
    usage = chunk.usage or usage
    if chunk.choices:
        streamed += chunk.choices[0].delta.content or ""
        last = chunk
assert ", before " in streamed, streamed
assert usage.total_tokens == 0 and last.choices[0].finish_reason == "stop"
assert last.model_extra["groundcrew"]["answer_id"].startswith("ans_")

# The SDK's own accumulator is stricter about what a stream consists of.
with client.chat.completions.stream(model="groundcrew-quick", messages=[question]) as stream:
    assert "pool exhausted" in stream.get_final_completion().choices[0].message.content

title = "### Task:\nGenerate a title.\n### Output:\nJSON format: { \"title\": \"...\" }\n<chat_history>\nUSER: what broke?\n</chat_history>"
made = client.chat.completions.create(model="groundcrew-quick", messages=[{"role": "user", "content": title}])
assert json.loads(made.choices[0].message.content) == {"title": "What broke"}

for wrong, error in [
    ({"model": "gpt-5"}, openai.NotFoundError),
    ({"n": 3}, openai.BadRequestError),
    ({"messages": []}, openai.BadRequestError),
]:
    try:
        client.chat.completions.create(**({"model": "groundcrew-quick", "messages": [question]} | wrong))
        raise SystemExit(f"{wrong} was taken")
    except error as refused:
        assert refused.type == "invalid_request_error" and refused.param in wrong, refused
try:
    openai.OpenAI(base_url=base_url, api_key="wrong", max_retries=0).models.list()
    raise SystemExit("a wrong token was taken")
except openai.AuthenticationError as refused:
    assert "token" in refused.message
print("ok")
