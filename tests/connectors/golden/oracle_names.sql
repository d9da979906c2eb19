SELECT "s.t"."select"."x""y]z", "s.t"."select"."a b"
FROM "s.t"."select" ORDER BY "s.t"."select"."x""y]z"
SELECT "s.t"."select"."x""y]z", "s.t"."select"."a b"
FROM "s.t"."select" ORDER BY "s.t"."select"."x""y]z"
 OFFSET 20 ROWS
 FETCH FIRST 10 ROWS ONLY
SELECT 1 FROM DUAL
