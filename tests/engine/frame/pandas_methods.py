"""The 200 names of pandas' DataFrame, Series and GroupBy that people use most, and where that is counted.

Two counts of notebooks, merged: calls in more than a million notebooks on GitHub (ponder-org/pandas-API-analysis,
``data/counts.csv``), of which those with a count, in its order; and, since that one counts calls alone, the properties
and accessors among the names of Kaggle's most voted notebooks (modin-project/study_kaggle_usage, ``results.csv``).
Names that pandas 3 no longer has (``append``, ``ix``, ``applymap``, …) are left out. Names are spelled once though
several classes have them: every class that has a name in pandas is checked for it.
"""

_NAMES = """
T abs add add_prefix add_suffix agg aggregate align all any apply argmax argmin argsort asfreq asof assign
astype at at_time autocorr axes between between_time bfill boxplot cat clip columns combine combine_first
compare copy corr corrwith count cov cummax cummin cumprod cumsum describe diff div divide dot drop
drop_duplicates droplevel dropna dt dtype dtypes duplicated empty eq equals eval ewm expanding explode factorize
ffill fillna filter first first_valid_index floordiv ge get groupby gt head hist iat idxmax idxmin iloc index
info insert interpolate isin isna isnull item items iterrows itertuples join keys kurt kurtosis last
last_valid_index loc lt map mask max mean median melt memory_usage merge min mod mode mul multiply name ndim ne
nlargest notnull nsmallest nunique pct_change pipe pivot pivot_table plot pop pow prod product quantile query
rank reindex reindex_like rename rename_axis reorder_levels repeat replace resample reset_index rolling round
sample searchsorted select_dtypes sem set_axis set_flags set_index shape shift size skew sort_index sort_values
sparse squeeze stack std str style sub subtract sum swaplevel tail take to_clipboard to_csv to_dict to_excel
to_feather to_frame to_hdf to_html to_json to_latex to_list to_numpy to_parquet to_period to_pickle to_records
to_sql to_stata to_string to_timestamp to_xarray tolist transform transpose truncate tz_convert tz_localize
unique unstack update value_counts values var where xs
"""
METHODS = tuple(_NAMES.split())
