"""Texts that every export is measured on: what developers write, and the shapes that break tokenizers."""

DEGENERATE_TEXTS = ("retry " * 300, "a", "!!!", "")
"""Those of the probes that nobody would search for."""

PROBE_TEXTS = (
    "safari blocks my api call",
    "The login cookie is gone after the redirect because SameSite defaults to Lax.",
    "psycopg2.OperationalError: FATAL: remaining connection slots are reserved for superuser connections",
    "We page by key, not by offset: an offset reads and throws away every row before it.",
    "git reflog; git reset --hard HEAD@{2}",
    "TypeError: Cannot read properties of undefined (reading 'map')",
    "def chunks(items, size):\n    for start in range(0, len(items), size):\n        yield items[start : start + size]",
    "SELECT id, total FROM orders WHERE status = 'open' AND created_at < now() - interval '30 days';",
    "nginx: upstream timed out (110: Connection timed out) while reading response header from upstream",
    "OOMKilled, exit code 137, memory limit 512Mi",
    "La reconstruction de l'image échoue dès que le cache est vidé.",
    "Über die Zeitzone des Servers stolpert der nächtliche Auftrag.",
    "日本語のメモも検索できるべきです。",
    "Ошибка сертификата: срок действия истёк",
    "🚀 deploy went fine 🙂",
    "ETIMEDOUT ECONNREFUSED 127.0.0.1:5432 0xdeadbeef 3f2504e0-4f89-11d3-9a0c",
    "https://example.org/path/to/page?query=1&other=2#fragment",
    "C++ vs. C# vs. F#",
    "retry " * 300,
    "A decision, written down so that nobody has to take it twice. " * 8,
    "a",
    "!!!",
    "",
)

SPELLED_TEXTS = ("ᚠᚢᚦᚨᚱᚲ ⵣⵓⵔ ꦲꦏꦱꦫ", "𐀀𐀁𐀂 𒀀𒀁 deploy ꙮ")
"""Further probes where a vocabulary spells what it lacks byte by byte: those pieces occur in no other probe."""
