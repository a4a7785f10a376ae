"""Asks a server of the Model Context Protocol with the official Python SDK and prints what came, as JSON.

    ask_mcp.py MODE END (URL | COMMAND ARGUMENT...)

MODE is `legacy` (handshake) or a revision of the protocol such as 2026-07-28; END is the time that is asked about.
"""

import asyncio
import json
import sys

from mcp import Client, StdioServerParameters
from mcp.shared.exceptions import MCPError


async def main(mode, end, target):
    server = target[0] if target[0].startswith("http") else StdioServerParameters(command=target[0], args=target[1:])
    told = []

    async def progress(done, total, message):
        told.append([done, message])

    async with Client(server, mode=mode) as client:
        tools = (await client.list_tools()).tools
        # The SDK checks structured content against the output schema by itself.
        when = {"to": end}
        answer = await client.call_tool(
            "investigate", {"question": "why is checkout failing?", **when}, progress_callback=progress
        )
        results = {}
        for name, arguments in [
            ("what_changed", when),
            ("search_logs", {"service": "checkout", "query": "pool", "severity": "error", "limit": 3, **when}),
            ("log_patterns", when),
            ("search_traces", {"failed": True, **when}),
            ("get_trace", {"trace_id": "0af7651916cd43dd8448eb211c80319c", "focus": "errors"}),
            ("query_metric", when),
            ("service_map", {"service": "checkout", "hops": 1, **when}),
            ("search_knowledge", {"query": "pool exhausted", "kinds": ["runbook"]}),
            ("get_incident", {"code": answer.structured_content["incident"]}),
            ("cost_of", {"service": "checkout", "incident": answer.structured_content["incident"]}),
        ]:
            result = await client.call_tool(name, arguments)
            results[name] = {"error": result.is_error, "structured": result.structured_content, "text": result.content[0].text}
        wrong = []
        for name, arguments in [
            ("search_logs", {"from": "yesterday"}),
            ("search_logs", {"service": 7, "colour": "red"}),
            ("investigate", {}),
            ("get_trace", {"trace_id": "xyz"}),
            ("get_incident", {"code": "ZZZZZZ"}),
        ]:
            result = await client.call_tool(name, arguments)
            wrong.append([result.is_error, result.content[0].text])
        links = [link.uri for link in answer.content[1:]]
        read = {uri: (await client.read_resource(uri)).contents[0].text for uri in [str(link) for link in links]}
        knowledge = results["search_knowledge"]["structured"]["passages"]
        if knowledge:
            uri = knowledge[0]["uri"]
            read[uri] = (await client.read_resource(uri)).contents[0].text
        read["service://checkout"] = (await client.read_resource("service://checkout")).contents[0].text
        try:
            await client.read_resource("evidence://nothing/E1")
            missing = None
        except MCPError as error:
            missing = error.error.code
        prompt = await client.get_prompt("handover", {"incident": answer.structured_content["incident"]})
        print(json.dumps({
            "revision": client.protocol_version,
            "server": client.server_info.name if client.server_info else None,
            "instructions": client.instructions,
            "tools": [[tool.name, tool.annotations.read_only_hint] for tool in tools],
            "answer": {"error": answer.is_error, "structured": answer.structured_content, "text": answer.content[0].text},
            "progress": told,
            "results": results,
            "wrong": wrong,
            "read": read,
            "missing": missing,
            "listed": [str(resource.uri) for resource in (await client.list_resources()).resources],
            "templates": [one.uri_template for one in (await client.list_resource_templates()).resource_templates],
            "prompts": [prompt.name for prompt in (await client.list_prompts()).prompts],
            "prompt": prompt.messages[0].content.text,
        }))


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
