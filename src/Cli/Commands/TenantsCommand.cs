using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace CCGate.Cli.Commands;

/// <summary><c>ccgate tenants</c>: who may use the gateway, and how much.</summary>
internal sealed class TenantsCommand(StoreOptions options)
{
    private const string Path = "/api/tenants";

    private static readonly ApiColumn[] Columns =
    [
        ApiColumn.Text("id"), ApiColumn.Text("name"), ApiColumn.Text("origin"), ApiColumn.Text("enabled"), ApiColumn.Text("parent"), ApiColumn.Text("groups"),
        ApiColumn.Number("keys"), ApiColumn.Usd("limits.daily.maxUSD", "USD a day"), ApiColumn.Usd("limits.monthly.maxUSD", "USD a month"), ApiColumn.Instant("expiresAt", "expires (UTC)"),
    ];

    private static readonly ListFilter[] Filters = [new("q", "Only those with this text in their id or name."), new("parent", "Only those below this tenant.")];

    private readonly ChangeOptions change = new(options);
    private readonly Argument<string> id = new("ID") { Description = "The tenant's id." };
    private readonly Option<FileInfo?> document = new("--document") { Description = "A file with the whole tenant as in tenants.json; other options change it further." };
    private readonly DocumentOptions members = DocumentOptions.Limits()
        .Text("--name", "How it is shown.", "name")
        .Text("--parent", "The tenant above it, whose limits hold as well.", "parent")
        .Texts("--group", "Its groups: only upstreams of the same are used.", "groups")
        .Texts("--allow", "The models it may use, such as claude-*.", "allowedModels")
        .Text("--timezone", "Where its days begin, such as Europe/Berlin.", "timezone")
        .Text("--hold-policy", "clamp or refuse.", "holdPolicy")
        .Text("--note", "For operators.", "note")
        .Text("--expires", "An instant from which on it is refused.", "expiresAt")
        .Flag("--enabled", "Whether it is served at all: true or false.", "enabled");

    public static Command Create(StoreOptions options)
    {
        var tenants = new TenantsCommand(options);
        var (change, id, document) = (tenants.change, tenants.id, tenants.document);
        var add = change.Command("add", "Add a tenant; 'ccgate keys issue' gives it a key.", [id, document, change.Reason], tenants.AddAsync);
        var update = change.Command("update", "Change a tenant: what is not said stays as it is.", [id, document, change.Reason], tenants.UpdateAsync);
        tenants.members.AddTo(add);
        tenants.members.AddTo(update);
        return new Command("tenants", "Show, add, change and remove tenants.")
        {
            ListCommand.Create(options, "list", "Show the tenants.", Path, Filters, Columns),
            change.Command("show", "Show a tenant and its keys.", [id], tenants.ShowAsync),
            add,
            update,
            change.Command("remove", "Remove a tenant and its keys; what it used stays in the ledger.", [id, change.Reason, change.Yes], tenants.RemoveAsync),
        };
    }

    private async Task<int> ShowAsync(ParseResult parsed, OperatorApi api, CancellationToken cancellationToken)
    {
        var tenant = await api.GetAsync(At(parsed), cancellationToken);
        if (parsed.GetValue(change.Json))
        {
            return await change.SayAsync(parsed, tenant);
        }

        var written = JsonObject.Create(ApiColumn.Find(tenant, "document") ?? tenant)!.ToJsonString(new JsonSerializerOptions { WriteIndented = true });
        var version = ApiColumn.Find(tenant, "version") is { } found ? $", version {ApiColumn.Written(found)}" : "";
        await change.SayAsync(parsed, tenant, $"{parsed.GetValue(id)}: from {ApiColumn.Written(ApiColumn.Find(tenant, "origin"))}{version}", written);
        Terminal.On(parsed.InvocationConfiguration.Output).Write(ApiColumn.Table(KeysCommand.Columns, ApiColumn.Items(tenant, "keys")));
        return Exit.Ok;
    }

    private async Task<int> AddAsync(ParseResult parsed, OperatorApi api, CancellationToken cancellationToken)
    {
        var tenant = Document(parsed) ?? [];
        tenant["id"] = parsed.GetValue(id);
        members.Write(parsed, tenant);
        var added = await api.ChangeAsync(HttpMethod.Post, Path, change.Body(parsed, new JsonObject { ["document"] = tenant }), version: null, cancellationToken);
        return await change.SayAsync(parsed, added, $"{parsed.GetValue(id)} is a tenant. A key for it:  ./ccgate keys issue {parsed.GetValue(id)}");
    }

    private async Task<int> UpdateAsync(ParseResult parsed, OperatorApi api, CancellationToken cancellationToken)
    {
        var current = await api.GetAsync(At(parsed), cancellationToken);
        var tenant = Document(parsed) ?? (ApiColumn.Find(current, "document") is { } known ? JsonObject.Create(known.Clone()) : null) ?? [];
        tenant["id"] = parsed.GetValue(id);
        members.Write(parsed, tenant);
        long? version = ApiColumn.Find(current, "version") is { ValueKind: JsonValueKind.Number } position ? position.GetInt64() : null;
        var changed = await api.ChangeAsync(HttpMethod.Put, At(parsed), change.Body(parsed, new JsonObject { ["document"] = tenant }), version, cancellationToken);
        return await change.SayAsync(parsed, changed, $"{parsed.GetValue(id)} is changed.");
    }

    private async Task<int> RemoveAsync(ParseResult parsed, OperatorApi api, CancellationToken cancellationToken)
    {
        if (await change.ConfirmAsync(parsed, $"Remove the tenant {parsed.GetValue(id)} and its keys?", cancellationToken) is { } stopped)
        {
            return stopped;
        }

        var removed = await api.ChangeAsync(HttpMethod.Delete, At(parsed) + change.Query(parsed), body: null, version: null, cancellationToken);
        return await change.SayAsync(parsed, removed, $"{parsed.GetValue(id)} is removed; what it used stays in the ledger.");
    }

    private string At(ParseResult parsed) => $"{Path}/{ChangeOptions.Escape(parsed.GetValue(id)!)}";

    private JsonObject? Document(ParseResult parsed)
    {
        if (parsed.GetValue(document) is not { } file)
        {
            return null;
        }

        try
        {
            var lenient = new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };
            return JsonNode.Parse(File.ReadAllText(file.FullName), documentOptions: lenient) as JsonObject
                ?? throw new CommandFailedException($"--document: {file.FullName} is not a tenant: {{ \"id\": … }}");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new CommandFailedException($"--document: {file.FullName}: {error.Message}");
        }
    }
}
