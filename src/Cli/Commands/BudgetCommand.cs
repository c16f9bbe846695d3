using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Metering;
using CCGate.Projections;
using CCGate.Projections.Quotas;
using Spectre.Console;

namespace CCGate.Cli.Commands;

/// <summary><c>ccgate budget extend</c> and <c>list</c>: lets a tenant spend more for a time, with a reason, and shows who was let.</summary>
internal sealed class BudgetCommand
{
    private const string Path = "/api/budgets/extensions";

    private readonly StoreOptions options;
    private readonly Argument<string> tenant = new("TENANT") { Description = "The tenant's id." };
    private readonly Option<string?> ofTenant = new("--tenant") { Description = "Only this tenant." };
    private readonly Option<string> window = new("--window") { Description = "The limit to add to.", Required = true };
    private readonly Option<decimal> usd = new("--usd") { Description = "USD to add." };
    private readonly Option<long> tokens = new("--tokens") { Description = "Tokens to add." };
    private readonly Option<long> requests = new("--requests") { Description = "Requests to add." };
    private readonly Option<string?> until = new("--until") { Description = "A date (included), or an instant with its offset; by default the end of the window that runs." };
    private readonly Option<string> reason = new("--reason") { Description = "Why; it is kept for ever.", Required = true };
    private readonly Option<bool> json = new("--json") { Description = "Print JSON as GET /api/budgets/extensions answers it." };

    private BudgetCommand(StoreOptions options)
    {
        this.options = options;
        window.AcceptOnlyFromAmong("fiveHours", "daily", "weekly", "monthly", "total");
    }

    public static Command Create(StoreOptions options)
    {
        var budget = new BudgetCommand(options);
        var extend = new Command("extend", "Let a tenant spend more for a time.")
        {
            budget.tenant, budget.window, budget.usd, budget.tokens, budget.requests, budget.until, budget.reason, options.Config, options.Data, options.Url,
        };
        extend.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, () => budget.ExtendAsync(parsed, cancellationToken)));
        var list = new Command("list", "Show the extra budgets that were given.") { budget.ofTenant, budget.json, options.Config, options.Data, options.Url };
        list.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, () => budget.ListAsync(parsed, cancellationToken)));
        return new Command("budget", "Give a tenant extra budget, or see what was given.") { extend, list };
    }

    private async Task<int> ExtendAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var request = new ExtensionRequest
        {
            Id = Guid.CreateVersion7(TimeProvider.System.GetUtcNow()),
            Tenant = parsed.GetValue(tenant),
            Window = parsed.GetValue(window),
            Usd = parsed.GetValue(usd),
            Tokens = parsed.GetValue(tokens),
            Requests = parsed.GetValue(requests),
            Until = parsed.GetValue(until),
            Reason = parsed.GetValue(reason),
        };
        var extended = parsed.GetValue(options.Url) is { } url
            ? await AskAsync(url, request, parsed, cancellationToken)
            : await StoreAsync(request, parsed, cancellationToken);
        await parsed.InvocationConfiguration.Output.WriteLineAsync(
            $"{extended.TenantId} has {Describe(extended)} more of its {extended.Window} limit until {Instant(extended.To)}.");
        return Exit.Ok;
    }

    private async Task<BudgetExtended> StoreAsync(ExtensionRequest request, ParseResult parsed, CancellationToken cancellationToken)
    {
        await using var store = options.Open(parsed);
        var errors = new Dictionary<string, string[]>();
        var extended = BudgetExtensions.Decide(request, store.Config, Environment.UserName, TimeProvider.System.GetUtcNow(), errors)
            ?? throw new CommandFailedException(string.Join('\n', errors.Select(error => $"{(error.Key == "tenant" ? "TENANT" : "--" + error.Key)}: {string.Join(' ', error.Value)}")));
        await store.Events.MigrateAsync(cancellationToken);
        await new EventIntake(store.Events).AddAsync(EventRecord.From(extended), cancellationToken);
        return extended;
    }

    private async Task<BudgetExtended> AskAsync(Uri url, ExtensionRequest request, ParseResult parsed, CancellationToken cancellationToken)
    {
        using var content = new StringContent(JsonSerializer.Serialize(request, ProjectionsJson.Default.ExtensionRequest), System.Text.Encoding.UTF8, "application/json");
        var body = await RunningGateway.AskAsync(url, parsed.GetValue(options.Config)!, Path, content, cancellationToken);
        return JsonSerializer.Deserialize(body, ProjectionsJson.Default.BudgetExtended)!;
    }

    private async Task<int> ListAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var list = await ReadAsync(parsed, cancellationToken);
        var output = parsed.InvocationConfiguration.Output;
        if (parsed.GetValue(json))
        {
            await output.WriteLineAsync(JsonSerializer.Serialize(list, ProjectionsJson.Default.ExtensionList));
        }
        else
        {
            Terminal.On(output).Write(TableOf(list));
        }

        return Exit.Ok;
    }

    private async Task<ExtensionList> ReadAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var only = parsed.GetValue(ofTenant);
        if (parsed.GetValue(options.Url) is { } url)
        {
            var query = only is null ? "" : "?tenant=" + Uri.EscapeDataString(only);
            var body = await RunningGateway.AskAsync(url, parsed.GetValue(options.Config)!, Path + query, content: null, cancellationToken);
            return JsonSerializer.Deserialize(body, ProjectionsJson.Default.ExtensionList)!;
        }

        await using var store = options.Open(parsed);
        await store.Events.MigrateAsync(cancellationToken);
        await store.RequireTenantAsync(only, cancellationToken);
        return new ExtensionList(await new BudgetExtensions(new TenantEvents(store.Database)).ReadAsync(store.Config, only, cancellationToken));
    }

    private static Table TableOf(ExtensionList list)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("tenant", "window", "extra", "from (UTC)", "until (UTC)", "by", "reason");
        foreach (var extended in list.Extensions)
        {
            table.AddRow(
                new Text(extended.TenantId),
                new Text(extended.Window),
                new Text(Describe(extended)),
                new Text(Instant(extended.From)),
                new Text(Instant(extended.To)),
                new Text(extended.By),
                new Text(extended.Reason));
        }

        return table;
    }

    private static string Describe(BudgetExtended extended)
    {
        (decimal Amount, string Unit)[] amounts = [(extended.ExtraUsd, "USD"), (extended.ExtraTokens, "tokens"), (extended.ExtraRequests, "requests")];
        return string.Join(", ", amounts.Where(amount => amount.Amount > 0).Select(amount => string.Create(CultureInfo.InvariantCulture, $"{amount.Amount:#,0.############} {amount.Unit}")));
    }

    private static string Instant(DateTimeOffset instant) =>
        instant.Year == 9999 ? "it is used up" : instant.UtcDateTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);
}
