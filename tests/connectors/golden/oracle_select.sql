-- number_any: String
-- number_10: Int64
-- number_38: Decimal(precision=38, scale=0)
-- number_12_2: Decimal(precision=12, scale=2)
-- number_5_minus_2: String
-- integer: Decimal(precision=38, scale=0)
-- float_126: String
-- binary_float: Float64 single
-- binary_double: Float64
-- date: Datetime(time_unit='us', time_zone=None)
-- timestamp: Datetime(time_unit='us', time_zone=None)
-- timestamp_tz: Datetime(time_unit='us', time_zone='UTC')
-- timestamp_local: Datetime(time_unit='us', time_zone='UTC')
-- interval: String
-- char: String
-- varchar2: String
-- nvarchar2: String
-- clob: String
-- nclob: String
-- long: String
-- raw: Binary
-- blob: Binary
-- rowid: String
-- json: String
-- boolean: Boolean
-- unknown: String
SELECT to_char("Sales Dept"."Order%Details".number_any, 'TM9') AS number_any,
  "Sales Dept"."Order%Details".number_10 AS number_10,
  "Sales Dept"."Order%Details".number_38 AS number_38,
  "Sales Dept"."Order%Details".number_12_2 AS number_12_2,
  to_char("Sales Dept"."Order%Details".number_5_minus_2, 'TM9') AS number_5_minus_2,
  "Sales Dept"."Order%Details"."integer" AS "integer",
  to_char("Sales Dept"."Order%Details".float_126, 'TM9') AS float_126,
  "Sales Dept"."Order%Details".binary_float AS binary_float,
  "Sales Dept"."Order%Details".binary_double AS binary_double,
  "Sales Dept"."Order%Details"."date" AS "date",
  "Sales Dept"."Order%Details".timestamp AS timestamp,
  sys_extract_utc("Sales Dept"."Order%Details".timestamp_tz) AS timestamp_tz,
  sys_extract_utc("Sales Dept"."Order%Details".timestamp_local) AS timestamp_local,
  to_char("Sales Dept"."Order%Details".interval) AS interval,
  "Sales Dept"."Order%Details"."char" AS "char",
  "Sales Dept"."Order%Details"."varchar2" AS "varchar2",
  "Sales Dept"."Order%Details".nvarchar2 AS nvarchar2,
  "Sales Dept"."Order%Details".clob AS clob,
  "Sales Dept"."Order%Details".nclob AS nclob,
  "Sales Dept"."Order%Details"."long" AS "long",
  "Sales Dept"."Order%Details"."raw" AS "raw",
  "Sales Dept"."Order%Details".blob AS blob,
  to_char("Sales Dept"."Order%Details".rowid) AS rowid,
  json_serialize("Sales Dept"."Order%Details".json) AS json,
  "Sales Dept"."Order%Details".boolean AS boolean,
  to_char("Sales Dept"."Order%Details".unknown) AS unknown
FROM "Sales Dept"."Order%Details" ORDER BY "Sales Dept"."Order%Details".number_any
