using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using CCGate.Hosting.Configuration;
using CCGate.Projections;
using CCGate.Projections.Quotas;
using Spectre.Console;

namespace CCGate.Cli.Commands;

/// <summary><c>ccgate quotas</c>: how much of each limit is used, and when it starts over.</summary>
internal sealed class QuotasCommand
{
    private readonly StoreOptions options;
    private readonly Option<string?> tenant = new("--tenant") { Description = "Only this tenant and its keys." };
    private readonly Option<string?> key = new("--key") { Description = "Only the limits of keys with this id." };
    private readonly Option<bool> json = new("--json") { Description = "Print JSON as GET /api/quotas answers it." };

    private QuotasCommand(StoreOptions options) => this.options = options;

    public static Command Create(StoreOptions options)
    {
        var quotas = new QuotasCommand(options);
        var command = new Command("quotas", "Show how much of each limit is used and when it starts over.")
        {
            quotas.tenant, quotas.key, quotas.json, options.Config, options.Data, options.Url,
        };
        command.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, () => quotas.RunAsync(parsed, cancellationToken)));
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var question = new QuotaQuestion(parsed.GetValue(tenant), parsed.GetValue(key));
        var report = parsed.GetValue(options.Url) is { } url
            ? await AskAsync(url, question, parsed, cancellationToken)
            : await ReadAsync(question, parsed, cancellationToken);
        var output = parsed.InvocationConfiguration.Output;
        if (parsed.GetValue(json))
        {
            await output.WriteLineAsync(JsonSerializer.Serialize(report, ProjectionsJson.Default.QuotaReport));
        }
        else if (report.Quotas.Count == 0)
        {
            await output.WriteLineAsync("No limit of a window is set: see 'limits' in tenants.json.");
        }
        else
        {
            Terminal.On(output).Write(QuotasTable.Of(report));
        }

        return Exit.Ok;
    }

    private async Task<QuotaReport> ReadAsync(QuotaQuestion question, ParseResult parsed, CancellationToken cancellationToken)
    {
        await using var store = options.Open(parsed);
        if (question.Errors(store.Config) is { } errors)
        {
            throw new CommandFailedException(string.Join('\n', errors.Select(error => $"--{error.Key}: {string.Join(' ', error.Value)}")));
        }

        await store.CatchUpAsync(cancellationToken);
        var extensions = await new BudgetExtensions(new TenantEvents(store.Database)).ReadAsync(store.Config, question.Tenant, cancellationToken);
        var (config, now) = (store.Config with { Extensions = [.. extensions] }, TimeProvider.System.GetUtcNow());
        return new QuotaReport(now, await new QuotaReader(store.Database).ReadAsync(config, question, now, cancellationToken));
    }

    private async Task<QuotaReport> AskAsync(Uri url, QuotaQuestion question, ParseResult parsed, CancellationToken cancellationToken)
    {
        (string Name, string? Value)[] parameters = [("tenant", question.Tenant), ("key", question.Key)];
        var query = string.Join('&', parameters.Where(parameter => parameter.Value is not null).Select(parameter => $"{parameter.Name}={Uri.EscapeDataString(parameter.Value!)}"));
        var body = await RunningGateway.AskAsync(url, parsed.GetValue(options.Config)!, "/api/quotas?" + query, content: null, cancellationToken);
        return JsonSerializer.Deserialize(body, ProjectionsJson.Default.QuotaReport)!;
    }
}

/// <summary>The report as people read it: a bar for each limit.</summary>
internal static class QuotasTable
{
    private const int BarLength = 20;

    public static Table Of(QuotaReport report)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("tenant / key").AddColumn("limit").AddColumn("");
        foreach (var column in (string[])["%", "used", "max", "left", "starts over (UTC)"])
        {
            table.AddColumn(new TableColumn(column).RightAligned());
        }

        foreach (var quota in report.Quotas)
        {
            table.AddRow(
                new Text(quota.Subject),
                new Text(quota.Limit),
                new Text(Bar(quota.Fraction)),
                new Text(string.Create(CultureInfo.InvariantCulture, $"{quota.Fraction * 100:0.#}")),
                new Text(quota.Describe(quota.Used)),
                new Text(quota.Describe(quota.Max) + (quota.Extra > 0 ? $" (+{quota.Describe(quota.Extra)})" : "")),
                new Text(quota.Describe(quota.Remaining)),
                new Text(Reset(quota)));
        }

        return table;
    }

    /// <summary>A bar is full only when nothing is left.</summary>
    private static string Bar(decimal fraction)
    {
        var full = (int)decimal.Floor(Math.Clamp(fraction, 0, 1) * BarLength);
        return new string('█', full) + new string('░', BarLength - full);
    }

    private static string Reset(QuotaUse quota) => quota switch
    {
        { WindowEnd: null } => "never",
        { Rolls: true } => "rolls on",
        { WindowEnd: { } end } => end.UtcDateTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture),
    };
}
