"""Files of statistics packages, a module for each of SAS, SPSS and Stata; ReadStat, through pyreadstat, reads them."""
