SELECT "s.t"."select"."x""y]z", "s.t"."select"."a b"
FROM "s.t"."select" ORDER BY "s.t"."select"."x""y]z"
SELECT "s.t"."select"."x""y]z", "s.t"."select"."a b"
FROM "s.t"."select" ORDER BY "s.t"."select"."x""y]z" LIMIT 10 OFFSET 20
SELECT 1 FROM SYSIBM.SYSDUMMY1
