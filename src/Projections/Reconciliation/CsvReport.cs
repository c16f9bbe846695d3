using System.Globalization;
using System.Text;
using CCGate.Projections.Export;

namespace CCGate.Projections.Reconciliation;

/// <summary>A report of any other provider: <c>date</c>, perhaps <c>model</c>, and a column for each thing that is counted.</summary>
internal static class CsvReport
{
    private const string Date = "date";
    private const string Model = "model";

    /// <exception cref="ReportException">It is none.</exception>
    public static ProviderReport Read(IReadOnlyList<ReportPage> files)
    {
        var metrics = new HashSet<UsageMetric>();
        var rows = new List<CountedRow>();
        foreach (var file in files)
        {
            try
            {
                var table = CsvText.Read(Encoding.UTF8.GetString(file.Content.AsSpan().TrimStart("\uFEFF"u8))).ToList();
                var header = table is [var first, ..] ? first : throw new FormatException("it is empty.");
                metrics.UnionWith(MetricsOf(header));
                rows.AddRange(table.Skip(1).Select((row, index) => Row(header, row, index + 2)));
            }
            catch (FormatException wrong)
            {
                throw new ReportException($"{file.Name}: {wrong.Message}");
            }
        }

        return new ProviderReport(ReportFormat.Csv, metrics, rows.Select(row => row.Day).ToHashSet(), rows);
    }

    /// <summary>A misspelt column that is ignored would leave a part of the bill unchecked.</summary>
    private static HashSet<UsageMetric> MetricsOf(IReadOnlyList<string> header)
    {
        var named = header.Where(name => name is not (Date or Model)).ToList();
        if (named.Find(name => !UsageMetrics.ByName.ContainsKey(name)) is { } unknown)
        {
            throw new FormatException($"there is no column '{unknown}'; there are {Date}, {Model}, {string.Join(", ", UsageMetrics.ByName.Keys)}.");
        }

        return header.Contains(Date) && named.Count > 0 && header.Distinct().Count() == header.Count
            ? [.. named.Select(name => UsageMetrics.ByName[name])]
            : throw new FormatException($"the first line must name the columns, each once: {Date}, perhaps {Model}, and at least one of {string.Join(", ", UsageMetrics.ByName.Keys)}.");
    }

    private static CountedRow Row(IReadOnlyList<string> header, IReadOnlyList<string> row, int number)
    {
        if (row.Count != header.Count)
        {
            throw new FormatException($"row {number} has {row.Count} fields and the first one {header.Count}.");
        }

        var fields = header.Zip(row).ToDictionary(field => field.First, field => field.Second.Trim(), StringComparer.Ordinal);
        return new CountedRow(
            DateOnly.TryParseExact(fields[Date], "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day)
                ? day
                : throw new FormatException($"row {number}: '{fields[Date]}' is not a date such as 2026-11-21."),
            fields.GetValueOrDefault(Model) is { Length: > 0 } model ? model : null,
            fields.Where(field => UsageMetrics.ByName.ContainsKey(field.Key)).ToDictionary(field => UsageMetrics.ByName[field.Key], field => Amount(field.Key, field.Value, number)));
    }

    private static decimal Amount(string column, string written, int number) =>
        written.Length == 0 ? 0
        : decimal.TryParse(written, NumberStyles.Float, CultureInfo.InvariantCulture, out var amount) ? amount
        : throw new FormatException($"row {number}: {column} '{written}' is not a number such as 1234.5.");
}
