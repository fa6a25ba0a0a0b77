"""Lets the sandbox's page act as the demo people: the gateway's own API and WebSocket under ``/as/<name>/``.

The page is served from another port than the gateway, so the browser would not send the gateway's cookies; here
each request goes on in the session of the named account. Only for this machine, and only for our own page.
"""

from __future__ import annotations

import asyncio

import aiohttp
from aiohttp import web

from gateway.sandbox.client import ApiError, Client
from gateway.sandbox.world import World

PATH = "/as/{name}/{path:api/v1/.+}"
PASSED_ON = ("Content-Type", "Idempotency-Key", "Range")
PASSED_BACK = ("Content-Type", "Content-Disposition", "Content-Range", "Retry-After")
SIGNED_OUT = 401


class Proxy:
    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[web.RouteDef]:
        return [web.route("*", PATH, self._pass)]

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        try:
            client = await self._world.api(request.match_info["name"])
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._pass_socket(request, client)
            return await self._pass_request(request, client)
        except ApiError as error:
            return web.json_response({"detail": error.detail}, status=error.status)
        except (aiohttp.ClientError, TimeoutError):
            return web.json_response({"detail": "The gateway does not answer: it is stopped or starting."}, status=502)

    async def _pass_request(self, request: web.Request, client: Client) -> web.Response:
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers} | client.proof
        body = await request.read()
        async with client.session.request(
            request.method, _address(request, client), data=body or None, headers=headers
        ) as answer:
            if answer.status == SIGNED_OUT:
                await client.sign_in(client.name, self._world.password)
            kept = {name: answer.headers[name] for name in PASSED_BACK if name in answer.headers}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)

    async def _pass_socket(self, request: web.Request, client: Client) -> web.WebSocketResponse:
        """Rows flow from the gateway to the page until either side ends."""
        async with client.session.ws_connect(_address(request, client), headers={"Origin": client.url}) as gateway:
            page = web.WebSocketResponse(heartbeat=20)
            await page.prepare(request)
            to_page = asyncio.create_task(_pump(gateway, page), name="live to the page")
            try:
                async for _ in page:
                    continue
            finally:
                to_page.cancel()
                await asyncio.wait([to_page])
        return page


def _address(request: web.Request, client: Client) -> str:
    query = f"?{request.query_string}" if request.query_string else ""
    return f"{client.url}/{request.match_info['path']}{query}"


async def _pump(gateway: aiohttp.ClientWebSocketResponse, page: web.WebSocketResponse) -> None:
    async for message in gateway:
        if message.type is aiohttp.WSMsgType.TEXT:
            await page.send_str(message.data)
    await page.close()
