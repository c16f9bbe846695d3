using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using CCGate.Metering;
using CCGate.Projections;
using CCGate.Projections.Reconciliation;
using CCGate.Projections.Spend;
using Spectre.Console;

namespace CCGate.Cli.Commands;

/// <summary><c>ccgate billing reconcile</c>: compares what was metered with what the provider says.</summary>
internal sealed class ReconcileCommand
{
    private const int MaxReportBytes = 64 * 1024 * 1024;

    /// <summary>What a person reads; <c>--json</c> has more.</summary>
    private const int ShownDrift = 20;

    private readonly StoreOptions options;
    private readonly Option<string[]> upstream = new("--upstream") { Description = "The upstream; give it once more for each other one of the same account.", Required = true };
    private readonly Option<FileInfo[]> report = new("--report") { Description = "A page of the provider's report; give it once for each page." };
    private readonly Option<string?> format = new("--format") { Description = "What the report is; seen from it when not given." };
    private readonly Option<DateOnly?> from = Day("--from", "The first UTC date; that of the report when not given.");
    private readonly Option<DateOnly?> to = Day("--to", "The last UTC date (included); that of the report when not given.");
    private readonly Option<decimal> threshold = new("--threshold") { Description = "The smallest ratio of metered to reported that agrees.", DefaultValueFactory = _ => 0.99m };
    private readonly Option<bool> fetch = new("--fetch") { Description = "Ask the provider, with the key in ANTHROPIC_ADMIN_KEY or OPENAI_ADMIN_KEY." };
    private readonly Option<Uri?> url = new("--url")
    {
        Description = "Where to ask instead of the provider's own address.",
        CustomParser = argument =>
        {
            if (Uri.TryCreate(argument.Tokens[^1].Value, UriKind.Absolute, out var asked) && (asked.Scheme == "https" || (asked.Scheme == "http" && asked.IsLoopback)))
            {
                return asked;
            }

            argument.AddError($"--url: '{argument.Tokens[^1].Value}' must begin with https://, because a key is sent there.");
            return null;
        },
    };

    private readonly Option<bool> noRecord = new("--no-record") { Description = "Do not write what comes out into the ledger, from which metrics show it." };
    private readonly Option<bool> json = new("--json") { Description = "Print the result as JSON." };

    private ReconcileCommand(StoreOptions options)
    {
        this.options = options;
        format.AcceptOnlyFromAmong([.. ReportFormats.ByName.Keys]);
        threshold.Validators.Add(result =>
        {
            if (result.Errors.Any() || result.GetValueOrDefault<decimal>() is <= 0 or > 1)
            {
                result.AddError("--threshold: it must be above 0 and at most 1, such as 0.99.");
            }
        });
    }

    public static Command Create(StoreOptions options)
    {
        var reconcile = new ReconcileCommand(options);
        var command = new Command("reconcile", "Compare what was metered with the provider's own report; exit 1 when a day does not agree.")
        {
            reconcile.upstream, reconcile.report, reconcile.format, reconcile.from, reconcile.to, reconcile.threshold,
            reconcile.fetch, reconcile.url, reconcile.noRecord, reconcile.json, options.Config, options.Data,
        };
        command.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, () => reconcile.RunAsync(parsed, cancellationToken)));
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        if (Mistake(parsed) is { } mistake)
        {
            await parsed.InvocationConfiguration.Error.WriteLineAsync(mistake);
            return Exit.Usage;
        }

        try
        {
            var pages = parsed.GetValue(fetch) ? await FetchAsync(parsed, cancellationToken) : await ReadAsync(parsed, cancellationToken);
            var result = await CompareAsync(ProviderReportReader.Read(pages, Format(parsed)), parsed, cancellationToken);
            await WriteAsync(result, parsed);
            return result.Agrees ? Exit.Ok : Exit.Failed;
        }
        catch (ReportException unusable)
        {
            throw new CommandFailedException(unusable.Message);
        }
    }

    private string? Mistake(ParseResult parsed)
    {
        var asks = parsed.GetValue(fetch);
        return (asks, parsed.GetValue(report) is { Length: > 0 }) switch
        {
            (true, true) or (false, false) => "Give either --report with a file, or --fetch to ask the provider.",
            (true, false) when Format(parsed) is null or ReportFormat.Csv || parsed.GetValue(from) is null || parsed.GetValue(to) is null =>
                "--fetch needs --from, --to, and --format with one of anthropic-usage, anthropic-cost, openai-usage, openai-costs.",
            (false, _) when parsed.GetValue(url) is not null => "--url: only --fetch asks anybody.",
            _ when parsed.GetValue(from) > parsed.GetValue(to) => "--from: It is after --to; the period must not end before it begins.",
            _ => null,
        };
    }

    private async Task<IReadOnlyList<ReportPage>> FetchAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var wanted = Format(parsed)!.Value;
        var variable = ReportClient.KeyVariable(wanted);
        var key = Environment.GetEnvironmentVariable(variable) is { Length: > 0 } set
            ? set
            : throw new CommandFailedException($"{variable} is not set: it must hold an admin key of the organisation; a key for messages cannot read reports.");
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(100), MaxResponseContentBufferSize = MaxReportBytes };
        try
        {
            return await new ReportClient(http, parsed.GetValue(url), key).FetchAsync(wanted, parsed.GetValue(from)!.Value, parsed.GetValue(to)!.Value, cancellationToken);
        }
        catch (Exception failure) when (failure is HttpRequestException || (failure is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw new CommandFailedException($"The provider cannot be asked: {failure.Message}");
        }
    }

    private async Task<IReadOnlyList<ReportPage>> ReadAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var pages = new List<ReportPage>();
        foreach (var file in parsed.GetValue(report)!)
        {
            if (!file.Exists || file.Length > MaxReportBytes)
            {
                throw new CommandFailedException($"--report: {file.FullName} {(file.Exists ? $"is larger than {MaxReportBytes} bytes; give a shorter period." : "is not there.")}");
            }

            pages.Add(new ReportPage(file.Name, await File.ReadAllBytesAsync(file.FullName, cancellationToken)));
        }

        return pages;
    }

    private async Task<ReconciliationReport> CompareAsync(ProviderReport theirs, ParseResult parsed, CancellationToken cancellationToken)
    {
        if (theirs.Days.Count == 0 && (parsed.GetValue(from) is null || parsed.GetValue(to) is null))
        {
            throw new CommandFailedException("The report has no days: name the period with --from and --to.");
        }

        await using var store = options.Open(parsed);
        await store.CatchUpAsync(cancellationToken);
        var upstreams = parsed.GetValue(upstream)!.Distinct().ToList();
        foreach (var name in upstreams)
        {
            await CheckAsync(name, store, cancellationToken);
        }

        var (first, last) = (parsed.GetValue(from) ?? theirs.Days.Min(), parsed.GetValue(to) ?? theirs.Days.Max());
        var metered = await new MeteredReader(store.Database).ReadAsync(upstreams, first, last, cancellationToken);
        var result = new Reconciliation(theirs, metered, parsed.GetValue(threshold)).Compare(upstreams, first, last);
        if (!parsed.GetValue(noRecord))
        {
            await new ReconciliationLog(store.Database, new EventIntake(store.Events), TimeProvider.System).AddAsync(result, Environment.UserName, cancellationToken);
        }

        return result;
    }

    private static async Task CheckAsync(string name, OpenStore store, CancellationToken cancellationToken)
    {
        if (!await new SpendReader(store.Database).KnowsUpstreamAsync(store.Config, name, cancellationToken))
        {
            throw new CommandFailedException($"--upstream: there is no '{name}', neither in upstreams.json nor in the ledger.");
        }
    }

    private async Task WriteAsync(ReconciliationReport result, ParseResult parsed)
    {
        var output = parsed.InvocationConfiguration.Output;
        if (parsed.GetValue(json))
        {
            await output.WriteLineAsync(JsonSerializer.Serialize(result, ProjectionsJson.Default.ReconciliationReport));
            return;
        }

        Terminal.On(output).Write(ReconciliationTables.Days(result));
        if (result.DriftCount > 0)
        {
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{result.DriftCount} rows differ, the largest first:"));
            Terminal.On(output).Write(ReconciliationTables.Drift(result.Drift.Take(ShownDrift)));
        }

        foreach (var day in result.Days.Where(day => day.Reason is not null))
        {
            await output.WriteLineAsync($"{day.Day:yyyy-MM-dd} {day.Metric}: {day.Reason}: {ReconciliationTables.Number(day.Metered)} of {ReconciliationTables.Number(day.Reported)}.");
        }

        await output.WriteLineAsync(result.Agrees ? "Both bills agree." : "The bills do not agree.");
    }

    private ReportFormat? Format(ParseResult parsed) => parsed.GetValue(format) is { } name ? ReportFormats.ByName[name] : null;

    private static Option<DateOnly?> Day(string name, string description) => new(name)
    {
        Description = description,
        CustomParser = argument =>
        {
            if (DateOnly.TryParseExact(argument.Tokens[^1].Value, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day) && day.Year is > 1970 and < 9999)
            {
                return day;
            }

            argument.AddError($"{name}: '{argument.Tokens[^1].Value}' is not a date such as 2026-11-21.");
            return null;
        },
    };
}

/// <summary>The result as people read it.</summary>
internal static class ReconciliationTables
{
    public static Table Days(ReconciliationReport report)
    {
        var table = New("day (UTC)", "what", "metered", "reported", "ratio", "");
        foreach (var day in report.Days)
        {
            var ratio = day.CaptureRatio?.ToString("0.0000##", CultureInfo.InvariantCulture) ?? "-";
            table.AddRow(new Text($"{day.Day:yyyy-MM-dd}"), new Text(day.Metric), new Text(Number(day.Metered)), new Text(Number(day.Reported)), new Text(ratio), new Text(day.Reason ?? ""));
        }

        return table;
    }

    public static Table Drift(IEnumerable<DriftRow> rows)
    {
        var table = New("day (UTC)", "model", "what", "metered", "reported", "difference");
        foreach (var row in rows)
        {
            table.AddRow(
                new Text($"{row.Day:yyyy-MM-dd}"), new Text(row.Model ?? "all"), new Text(row.Metric), new Text(Number(row.Metered)), new Text(Number(row.Reported)), new Text(Number(row.Difference)));
        }

        return table;
    }

    public static string Number(decimal amount) => amount.ToString("#,0.############", CultureInfo.InvariantCulture);

    private static Table New(params string[] columns)
    {
        var table = new Table().Border(TableBorder.Simple);
        foreach (var column in columns)
        {
            table.AddColumn(new TableColumn(column) { Alignment = column is "metered" or "reported" or "ratio" or "difference" ? Justify.Right : Justify.Left });
        }

        return table;
    }
}
