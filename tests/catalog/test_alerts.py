"""A fault in `alerts` has its line and its remedy, and no secret stands in the file or in the message."""

import pytest

from catalog import load_project
from catalog.errors import ProjectError

HOOK = "webhook: '${env:HOOK}', host: hooks.example.org"
MAIL = "mail: {to: [a@example.org], from: b@example.org, smtp: '${env:SMTP}'}"
FAULTS = [
    ("{name: ops, webhook: 'https://hooks.example.org/s3cret', host: hooks.example.org}", "a reference belongs here"),
    (f"{{name: ops, {HOOK}, signingKey: s3cret}}", "a reference belongs here"),
    ("{name: ops, mail: {to: [a@example.org], from: b@example.org, smtp: 's3cret'}}", "a reference belongs here"),
    ("{name: ops, webhook: '${env:HOOK}'}", "needs the 'host'"),
    ("{name: ops, webhook: '${env:HOOK}', host: 'https://x.org/'}", "is no host"),
    ("{name: ops}", "needs one of 'webhook' and 'mail'"),
    (f"{{name: ops, {HOOK}, {MAIL}}}", "needs one of 'webhook' and 'mail'"),
    (f"{{name: ops, {MAIL}, host: hooks.example.org}}", "means nothing without a webhook"),
    (f"{{name: ops, {HOOK}, on: info}}", "'on' cannot be 'info'"),
    (f"{{name: ops, {HOOK}, states: [resolved]}}", "cannot be 'resolved'"),
    (f"{{name: ops, {HOOK}, link: data.example.org}}", "is no link"),
    (f"{{name: ops, {HOOK}, webhok: x}}", "Did you mean 'webhook'"),
    ("{name: ops, mail: {to: ['a, b'], from: b@example.org, smtp: '${env:S}'}}", "is no mail address"),
    (f"{{name: Ops, {HOOK}}}", "is no name"),
]


@pytest.mark.parametrize(("channel", "told"), FAULTS)
def test_a_faulty_channel_is_told_with_its_line(shop, channel, told):
    (shop.folder / "project.yaml").write_text(f"name: shop\nalerts:\n  - {channel}\n")
    with pytest.raises(ProjectError) as raised:
        load_project(shop.folder)
    assert "project.yaml:3" in str(raised.value)
    assert told in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_two_channels_of_one_name_and_a_mapping_of_channels_are_refused(shop):
    path = shop.folder / "project.yaml"
    path.write_text(f"name: shop\nalerts:\n  - {{name: ops, {HOOK}}}\n  - {{name: ops, {MAIL}}}\n")
    with pytest.raises(ProjectError, match=r"project.yaml:4: the channel 'ops' is declared already"):
        load_project(shop.folder)
    path.write_text(f"name: shop\nalerts: {{name: ops, {HOOK}}}\n")
    with pytest.raises(ProjectError, match=r"project.yaml:2: 'alerts' must be a list"):
        load_project(shop.folder)
