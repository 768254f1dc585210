"""One module a tool whose notes can be imported; `catalog` lists them in the order in which they are asked."""
