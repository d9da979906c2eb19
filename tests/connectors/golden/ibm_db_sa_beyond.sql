SELECT hour("Sales Dept"."Order%Details"."time") = 24 AS "time",
  hour("Sales Dept"."Order%Details"."timestamp") = 24 OR "Sales Dept"."Order%Details"."timestamp" != timestamp("Sales Dept"."Order%Details"."timestamp", 6) AS "timestamp"
FROM "Sales Dept"."Order%Details"
