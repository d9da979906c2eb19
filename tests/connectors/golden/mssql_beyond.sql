SELECT datepart(nanosecond, [Sales Dept].[Order%Details].time) % 1000 != 0 AS time,
  datepart(nanosecond, [Sales Dept].[Order%Details].datetime2) % 1000 != 0 AS datetime2,
  datepart(nanosecond, [Sales Dept].[Order%Details].datetimeoffset) % 1000 != 0 AS datetimeoffset
FROM [Sales Dept].[Order%Details]
