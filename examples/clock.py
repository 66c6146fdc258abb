"""A clock that the server sets: every second, in every tab that is open.

Try two tabs side by side: one template, shared by all, is written once and sent to each.
"""

import asyncio
import time

import sapwood as sw

app = sw.App()
app.static("/static", "static")

page = sw.Template("clock.html", shared=True)
face = page.querySelector("#time")


@app.on_startup
def start():
    """Let the clock run beside the pages."""
    app.run_task(run())


async def run():
    """Show the time, at the beginning of each second."""
    while True:
        face.content = time.strftime("%H:%M:%S")
        page.update()
        await asyncio.sleep(1 - time.time() % 1)


@app.route("/")
def home():
    """Give every tab the same page."""
    return page
