-- smallint: Int64
-- integer: Int64
-- bigint: Int64
-- decimal: Decimal(precision=31, scale=5)
-- decfloat: String
-- real: Float64 single
-- double: Float64
-- boolean: Boolean
-- date: Date
-- time: Time
-- timestamp: Datetime(time_unit='us', time_zone=None)
-- char: String
-- varchar: String
-- graphic: String
-- vargraphic: String
-- clob: String
-- dbclob: String
-- xml: String
-- blob: Binary
-- binary: String
SELECT "Sales Dept"."Order%Details"."smallint" AS "smallint",
  "Sales Dept"."Order%Details"."integer" AS "integer",
  "Sales Dept"."Order%Details"."bigint" AS "bigint",
  "Sales Dept"."Order%Details"."decimal" AS "decimal",
  varchar("Sales Dept"."Order%Details".decfloat) AS decfloat,
  "Sales Dept"."Order%Details"."real" AS "real",
  "Sales Dept"."Order%Details"."double" AS "double",
  "Sales Dept"."Order%Details"."boolean" AS "boolean",
  "Sales Dept"."Order%Details"."date" AS "date",
  "Sales Dept"."Order%Details"."time" AS "time",
  "Sales Dept"."Order%Details"."timestamp" AS "timestamp",
  "Sales Dept"."Order%Details"."char" AS "char",
  "Sales Dept"."Order%Details"."varchar" AS "varchar",
  "Sales Dept"."Order%Details"."graphic" AS "graphic",
  "Sales Dept"."Order%Details".vargraphic AS vargraphic,
  "Sales Dept"."Order%Details"."clob" AS "clob",
  "Sales Dept"."Order%Details".dbclob AS dbclob,
  xmlserialize("Sales Dept"."Order%Details".xml AS CLOB(2G)) AS xml,
  "Sales Dept"."Order%Details"."blob" AS "blob",
  varchar("Sales Dept"."Order%Details"."binary") AS "binary"
FROM "Sales Dept"."Order%Details" ORDER BY "Sales Dept"."Order%Details"."smallint"
