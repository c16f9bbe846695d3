using System.CommandLine;

namespace CCGate.Cli.Commands;

/// <summary><c>ccgate requests</c>, <c>sessions</c>, <c>leaderboard</c> and <c>audit</c>: what happened, who used most, and who changed what.</summary>
internal static class RequestsCommand
{
    private static readonly ListFilter Tenant = new("tenant", "Only this tenant.");
    private static readonly ListFilter From = new("from", "From this date, or instant with its offset.");
    private static readonly ListFilter To = new("to", "To this date (included), or instant with its offset.");

    private static readonly ListFilter[] Filters =
    [
        Tenant,
        new("key", "Only this key."),
        new("model", "Only this model."),
        new("upstream", "Only this upstream."),
        new("session", "Only this session."),
        new("surface", "Only clients that speak this protocol."),
        new("outcome", "Only requests that ended so, such as Failed."),
        new("state", "Only requests whose usage is so, such as Unknown."),
        new("status", "Only this status code."),
        From,
        To,
        new("minUsd", "Only what cost so much or more."),
        new("q", "Only what has this text in its id, tenant, key, model or session."),
        new("sort", "What they are ordered by.", "time", "spend", "duration"),
        new("order", "In which direction.", "asc", "desc"),
    ];

    public static readonly ApiColumn[] Columns =
    [
        ApiColumn.Instant("completedAt", "completed (UTC)"), ApiColumn.Text("id"), ApiColumn.Text("tenant"), ApiColumn.Text("key"),
        new("model", item => ApiColumn.Written(ApiColumn.Find(item, "model") ?? ApiColumn.Find(item, "requestedModel"))), ApiColumn.Text("upstream"),
        ApiColumn.Text("outcome"), ApiColumn.Number("status"), ApiColumn.Number("durationMs", "ms"), ApiColumn.Number("inputTokens", "input"),
        ApiColumn.Number("cacheReadTokens", "cache read"), ApiColumn.Number("outputTokens", "output"), ApiColumn.Usd("spendUsd"),
    ];

    public static Command Create(StoreOptions options) => new("requests", "Look at the requests that were answered.")
    {
        ListCommand.Create(options, "list", "Show requests, the newest first.", "/api/requests", Filters, Columns),
        ExplainCommand.Create(options, "show"),
    };

    public static Command Sessions(StoreOptions options) => ListCommand.Create(options, "sessions", "Show the conversations, the newest first.", "/api/sessions",
        [Tenant, new("active", "Only those with a request within ten minutes.", "true", "false")],
        [
            ApiColumn.Instant("lastAt", "last (UTC)"), ApiColumn.Text("id"), ApiColumn.Text("tenant"), ApiColumn.Text("key"), ApiColumn.Text("active"), ApiColumn.Text("model"),
            ApiColumn.Text("upstream"), ApiColumn.Number("requests"), ApiColumn.Number("inputTokens", "input"), ApiColumn.Number("cacheReadTokens", "cache read"),
            ApiColumn.Number("outputTokens", "output"), ApiColumn.Usd("spendUsd"),
        ]);

    public static Command Leaderboard(StoreOptions options) => ListCommand.Create(options, "leaderboard", "Show who or what used most.", "/api/leaderboard",
        [new("by", "What is ranked.", "tenant", "key", "model", "upstream"), new("order", "By what.", "spend", "tokens", "requests"), From, To],
        [
            ApiColumn.Number("rank"), ApiColumn.Text("id"), ApiColumn.Text("name"), ApiColumn.Number("requests"), ApiColumn.Number("tokens"), ApiColumn.Share("share"), ApiColumn.Usd("spendUsd"),
        ]);

    public static Command Audit(StoreOptions options) => ListCommand.Create(options, "audit", "Show what operators changed, the newest first.", "/api/audit",
        [new("type", "Only changes of this type."), new("by", "Only changes by this operator."), new("subject", "Only changes of this tenant, key or upstream."), From, To],
        [
            ApiColumn.Instant("at", "at (UTC)"), ApiColumn.Text("by"), ApiColumn.Text("type"), ApiColumn.Text("subject"), ApiColumn.Text("change"), ApiColumn.Text("reason"),
        ]);
}
