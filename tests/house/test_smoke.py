def test_add_and_search(rekall):
    added = rekall("add", "bug", "CORS fails on Safari", "--content", "cookie blocked", "--tag", "browser")
    assert added.code == 0, added.err
    found = rekall("search", "safari", "--json")
    assert found.code == 0, found.err
    assert found.json["hits"][0]["title"] == "CORS fails on Safari"
