"""What live pages are measured against: a WebSocket that answers, and nothing else."""

import asyncio
import sys
import time

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect


async def answer(websocket: WebSocket) -> None:
    """Answer every frame with one of as many bytes as the path says, if it says so in a thread."""
    text = "x" * websocket.path_params["length"]
    in_thread = websocket.scope["path"].startswith("/thread/")
    loop = asyncio.get_running_loop()
    await websocket.accept()
    try:
        while True:
            received = await websocket.receive_text()
            if in_thread:
                await loop.run_in_executor(None, len, received)
            await websocket.send_text(text)
    except WebSocketDisconnect:
        pass


async def cpu(_: Request) -> JSONResponse:
    return JSONResponse({"cpu_s": time.process_time()})


app = Starlette(
    routes=[
        WebSocketRoute("/{length:int}", answer),
        WebSocketRoute("/thread/{length:int}", answer),
        Route("/cpu", cpu),
    ]
)

if __name__ == "__main__":
    # As `sapwood run` starts it.
    uvicorn.run(
        app,
        port=int(sys.argv[1]),
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        server_header=False,
        log_level="warning",
    )
