"""Pairs of short notes of which it is known what is between them, to be planted among other notes.

Each line is a kind and two notes, a title and perhaps a text after a bar. What is "fine" is told by nothing but a person's sense:
two subjects, two cases, two parts of one series.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Planted:
    """Two notes, each (title, text), and what is between them: a kind of `Clash`, or "fine"."""

    kind: str
    one: tuple[str, str]
    other: tuple[str, str]


_PAIRS = """
version | Deploys need Node 18 # The build image has nothing newer, so pin it in .nvmrc. | Deploys need Node 20 # The old runtime is gone from the build image.
version | CI runs on Python 3.8 # The matrix has one entry only. | CI runs on Python 3.11 # Since the move to the new runners.
version | Terraform must be pinned to 1.3.9 # Newer ones rewrite the state file. | Terraform must be pinned to 1.5.7 # It is the last one under the old licence.
version | Billing still speaks API version 2 # The migration was postponed. | Billing speaks API version 3 now # Everybody was moved in spring.
version | Our Postgres is 13.4 # Managed, in Frankfurt. | Our Postgres is 15.2 # Managed, in Frankfurt, upgraded during the freeze.
version | The mobile app supports Android 8 and up # Product decided so. | The mobile app supports Android 10 and up # Fewer than one in a hundred devices is older.
number | The gateway times out after 30 seconds # Long exports die with a 504. | The gateway times out after 60 seconds # Long exports die with a 504 at the edge.
number | Rate limit of the public API # A client may send 100 requests per minute, then it gets 429. | Rate limits of the public API # A client may send 600 requests per minute, then it gets 429.
number | Redis maxmemory in production # We gave it 4 GB, evicting the least used keys first. | Production Redis maxmemory # We gave it 16 GB, evicting the least used keys first.
number | Session cookies live 14 days | Session cookies live 30 days
number | The worker pool has 8 processes # One for each core of the machine. | The worker pool has 32 processes # They wait for the network most of the time.
number | Uploads are limited to 10 MB # nginx refuses what is larger. | Uploads are limited to 50 MB # nginx refuses what is larger.
number | Kafka retention for audit events is 7 days | Audit events: Kafka retention is 90 days
number | Gateway settings # proxy_read_timeout = 30 | Settings of the gateway # proxy_read_timeout = 120
number | Backups are kept for 4 weeks # The nightly job deletes what is older. | Backups are kept for 12 weeks # The nightly job deletes what is older.
number | SSH on the bastion listens on port 22 | SSH on the bastion listens on port 2222 # Port scans filled the log.
negation | Always squash before merging # The history of main stays readable. | Never squash before merging # Bisecting needs the single commits.
negation | Use tabs for indentation in the Go code | Avoid tabs for indentation in the Go code
negation | Enable swap on the build machines # The linker needs it. | Disable swap on the build machines # It makes builds crawl.
negation | The staging database may be reset at any time # Nobody relies on it. | The staging database must not be reset at any time # Sales shows it to customers.
negation | Do cache the auth token in the browser # It saves a round trip. | Don't cache the auth token in the browser # It leaked through a shared machine.
negation | Feature flags are evaluated on the server | Feature flags are not evaluated on the server # The client does that since the rewrite.
negation | The export job is safe to run twice # It is idempotent. | The export job is unsafe to run twice # Rows were written twice in May.
negation | Retrying payments is allowed # The provider deduplicates by key. | Retrying payments is forbidden # A customer paid twice.
negation | The legacy importer works with Windows line ends | The legacy importer does not work with Windows line ends
negation | gRPC reflection is enabled in production # grpcurl relies on it. | gRPC reflection is disabled in production # An audit asked for it.
negation | Row level security is required for tenants # Every table has a policy. | Row level security is optional for tenants # Only shared tables have a policy.
negation | Immer mit Rebase auf main aktualisieren | Niemals mit Rebase auf main aktualisieren # Geteilte Zweige gehen kaputt.
negation | Den Cache in der Entwicklung aktivieren | Den Cache in der Entwicklung deaktivieren # Sonst sieht man alte Daten.
negation | Toujours vider le cache après un déploiement | Ne jamais vider le cache après un déploiement # Le site devient trop lent.
negation | Usar transacciones largas para los informes | Evitar transacciones largas para los informes
repeat | Safari drops the login cookie # Cookies set by an API on another site are blocked. Serve the API from the same site. | Login cookie is gone in Safari # Cookies that an API of another site sets are blocked. Serve the API from the same site.
repeat | pg_dump needs the version of the server # An older client refuses to dump a newer server. Install the client of the same major release. | pg_dump must match the server # A client that is older refuses to dump a newer server. Install the client of the same major release.
repeat | How to squash the last three commits # git reset --soft HEAD~3, then commit again. | Squash the last 3 commits # git reset --soft HEAD~3 and commit once more.
repeat | Docker builds ignore .dockerignore in subfolders # Only the file at the root of the context counts. | .dockerignore counts only at the root # Docker reads it at the root of the build context and nowhere else.
repeat | kubectl logs of a crashed pod # kubectl logs --previous shows what the container said before it restarted. | See the logs of a container before it crashed # kubectl logs --previous POD shows what it said before the restart.
repeat | Vim: delete trailing whitespace # :%s/\\s\\+$//e removes it everywhere. | Remove trailing spaces in Vim # :%s/\\s\\+$//e takes them away everywhere in the file.
repeat | Jenkins agents run out of inodes # node_modules of old builds fill them. A nightly job wipes the workspaces. | Jenkins agents run out of inodes # Old node_modules fill them, so a nightly job wipes the workspaces.
repeat | Webhook signatures are checked before parsing # The raw body is needed, parsed JSON has other bytes. | Check webhook signatures before parsing the body # Parsed JSON has other bytes, so the raw body is needed.
fine | Redis listens on port 6379 # Inside the cluster only. | Postgres listens on port 5432 # Inside the cluster only.
fine | Sprint 12 retrospective # Fewer meetings. | Sprint 13 retrospective # More pairing.
fine | Staging has 4 GB of memory # One small machine. | Production has 64 GB of memory # Three large machines.
fine | Learning Rust, part 2 # Ownership and borrowing. | Learning Rust, part 3 # Traits and generics.
fine | Release notes 2.3.0 # New export. | Release notes 2.4.0 # New import.
fine | How to add a column without locking # ALTER TABLE with a default that is null. | How to add an index without locking # CREATE INDEX CONCURRENTLY.
fine | Meeting with Contoso on 2026-03-04 # They want SSO. | Meeting with Contoso on 2026-05-11 # They want an audit log.
fine | Enable dark mode in the editor # Settings, Appearance. | Enable dark mode in the terminal # Preferences, Profiles.
fine | Lock a row with FOR UPDATE # Others wait until the end of the transaction. | Skip locked rows with FOR UPDATE SKIP LOCKED # Workers take different jobs.
fine | Install the CLI with brew # brew install acme. | Uninstall the CLI with brew # brew uninstall acme.
fine | Incident 118: disk full on db-3 # Log rotation was off. | Incident 131: disk full on db-7 # A replica fell behind.
fine | Upgrade Django to 4.2 # Long term release. | Upgrade Django to 5.0 # Async everywhere.
fine | Find files larger than 100 MB # find . -size +100M | Find files older than 30 days # find . -mtime +30
fine | Kafka topic orders has 12 partitions | Kafka topic invoices has 24 partitions
fine | PROJ-1201 login fails for admins # Missing role. | PROJ-1377 login fails for admins # Expired certificate.
fine | Chapter 4 of the database book # Replication. | Chapter 5 of the database book # Partitioning.
fine | Sort an array in descending order in Ruby # sort.reverse | Sort an array in descending order in Python # sorted(reverse=True)
fine | Python 3.11 added tomllib # No dependency needed any more. | Python 3.12 removed distutils # setuptools brings a copy.
fine | The api team owns the gateway # Ask in their channel. | The data team owns the warehouse # Ask in their channel.
fine | Git: undo the last commit, keep the changes # git reset --soft HEAD~1 | Git: undo the last commit, drop the changes # git reset --hard HEAD~1
"""

PLANTED = tuple(
    Planted(
        kind.strip(), *((title.strip(), text.strip()) for title, _, text in (note.partition("#") for note in notes))
    )
    for kind, *notes in (line.split("|") for line in _PAIRS.strip().splitlines())
)
