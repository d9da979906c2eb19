SELECT s.t.[select].[x"y]]z], s.t.[select].[a b]
FROM s.t.[select] ORDER BY s.t.[select].[x"y]]z]
SELECT anon_1.[x"y]]z], anon_1.[a b]
FROM (SELECT s.t.[select].[x"y]]z] AS [x"y]]z], s.t.[select].[a b] AS [a b],
  ROW_NUMBER() OVER (ORDER BY s.t.[select].[x"y]]z]) AS mssql_rn
FROM s.t.[select]) AS anon_1
WHERE mssql_rn > 20 AND mssql_rn <= 10 + 20
SELECT 1
