-- bit: Boolean
-- tinyint: Int64
-- int: Int64
-- bigint: Int64
-- decimal: Decimal(precision=38, scale=10)
-- money: Decimal(precision=19, scale=4)
-- smallmoney: Decimal(precision=10, scale=4)
-- real: Float64 single
-- float: Float64
-- date: Date
-- time: Time
-- datetime: Datetime(time_unit='us', time_zone=None)
-- smalldatetime: Datetime(time_unit='us', time_zone=None)
-- datetime2: Datetime(time_unit='us', time_zone=None)
-- datetimeoffset: Datetime(time_unit='us', time_zone='UTC')
-- char: String
-- varchar: String
-- nvarchar_max: String
-- ntext: String
-- binary: Binary
-- varbinary_max: Binary
-- image: Binary
-- rowversion: Binary
-- uniqueidentifier: String
-- sql_variant: String
-- xml: String
-- hierarchyid: String
SELECT [Sales Dept].[Order%Details].bit AS bit,
  [Sales Dept].[Order%Details].tinyint AS tinyint,
  [Sales Dept].[Order%Details].int AS int,
  [Sales Dept].[Order%Details].bigint AS bigint,
  [Sales Dept].[Order%Details].decimal AS decimal,
  CAST([Sales Dept].[Order%Details].money AS DECIMAL(19, 4)) AS money,
  CAST([Sales Dept].[Order%Details].smallmoney AS DECIMAL(10, 4)) AS smallmoney,
  [Sales Dept].[Order%Details].real AS real,
  [Sales Dept].[Order%Details].float AS float,
  [Sales Dept].[Order%Details].date AS date,
  [Sales Dept].[Order%Details].time AS time,
  [Sales Dept].[Order%Details].datetime AS datetime,
  [Sales Dept].[Order%Details].smalldatetime AS smalldatetime,
  [Sales Dept].[Order%Details].datetime2 AS datetime2,
  CAST(switchoffset([Sales Dept].[Order%Details].datetimeoffset, '+00:00') AS DATETIME2(7)) AS datetimeoffset,
  [Sales Dept].[Order%Details].char AS char,
  [Sales Dept].[Order%Details].varchar AS varchar,
  [Sales Dept].[Order%Details].nvarchar_max AS nvarchar_max,
  [Sales Dept].[Order%Details].ntext AS ntext,
  [Sales Dept].[Order%Details].binary AS binary,
  [Sales Dept].[Order%Details].varbinary_max AS varbinary_max,
  [Sales Dept].[Order%Details].image AS image,
  [Sales Dept].[Order%Details].rowversion AS rowversion,
  CAST([Sales Dept].[Order%Details].uniqueidentifier AS NVARCHAR(max)) AS uniqueidentifier,
  CAST([Sales Dept].[Order%Details].sql_variant AS NVARCHAR(max)) AS sql_variant,
  CAST([Sales Dept].[Order%Details].xml AS NVARCHAR(max)) AS xml,
  CAST([Sales Dept].[Order%Details].hierarchyid AS NVARCHAR(max)) AS hierarchyid
FROM [Sales Dept].[Order%Details] ORDER BY [Sales Dept].[Order%Details].bit
