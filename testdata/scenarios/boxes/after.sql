CREATE VIRTUAL TABLE area USING rtree(id, x0, x1, y0, y1, +label TEXT);
