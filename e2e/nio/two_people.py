"""Two people with matrix-nio converse on the server named on the command line.

Prints one JSON object with what each of them saw, for nio.test.ts to judge.
"""

import asyncio
import json
import sys

from nio import AsyncClient, ReactionEvent, RoomMessageText

PATIENCE_SECONDS = 20


class Person:
    def __init__(self, homeserver, name):
        self.name = name
        self.client = AsyncClient(homeserver, name)
        self.texts = {}
        self.reactions = []
        self.client.add_event_callback(self.hear, RoomMessageText)
        self.client.add_event_callback(self.notice, ReactionEvent)

    async def hear(self, _room, event):
        self.texts[event.event_id] = event.body

    async def notice(self, _room, event):
        self.reactions.append(event.key)

    async def sync_until(self, what, see):
        """Syncs until the client's own picture of the world is so."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not see():
                ok(await self.client.sync(timeout=5000, full_state=False), what)

    async def tell(self, room_id, content, kind="m.room.message"):
        return ok(await self.client.room_send(room_id, kind, content), "sending").event_id


def ok(response, what):
    if type(response).__name__.endswith("Error"):
        raise SystemExit(f"{what}: {response}")
    return response


def text(body, **more):
    return {"msgtype": "m.text", "body": body, **more}


async def converse(homeserver):
    alice, bob = Person(homeserver, "alice"), Person(homeserver, "bob")
    try:
        for person in (alice, bob):
            ok(await person.client.register(person.name, f"{person.name} password"), "registering")
        created = await alice.client.room_create(name="The garden", invite=[bob.client.user_id])
        room_id = ok(created, "creating a room").room_id
        await bob.sync_until("invitation", lambda: room_id in bob.client.invited_rooms)
        ok(await bob.client.join(room_id), "joining")
        first = await alice.tell(room_id, text("Helo Bob"))
        await bob.sync_until("greeting", lambda: first in bob.texts)
        relation = {"rel_type": "m.replace", "event_id": first}
        edit = await alice.tell(
            room_id, text("* Hello Bob", **{"m.new_content": text("Hello Bob"), "m.relates_to": relation})
        )
        await bob.sync_until("edit", lambda: edit in bob.texts)
        annotation = {"rel_type": "m.annotation", "event_id": first, "key": "👍"}
        await bob.tell(room_id, {"m.relates_to": annotation}, "m.reaction")
        ok(await bob.client.room_read_markers(room_id, first, first), "marking as read")
        room = lambda: alice.client.rooms.get(room_id)
        await alice.sync_until(
            "reaction and receipt",
            lambda: alice.reactions and bob.client.user_id in room().read_receipts,
        )
        members = ok(await alice.client.joined_members(room_id), "members").members
        messages = ok(await bob.client.room_messages(room_id, limit=50), "history").chunk
        return {
            "texts": list(bob.texts.values()),
            "reactions": alice.reactions,
            "room": room().name,
            "read": room().read_receipts[bob.client.user_id].event_id == first,
            "members": sorted(member.user_id for member in members),
            "history": [event.body for event in reversed(messages) if isinstance(event, RoomMessageText)],
        }
    finally:
        await alice.client.close()
        await bob.client.close()


print(json.dumps(asyncio.run(converse(sys.argv[1]))))
