using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace CCGate.Cli.Commands;

/// <summary><c>ccgate keys</c>: the secrets that tell the gateway who pays. A new one is printed once, and kept as its hash.</summary>
internal sealed class KeysCommand(StoreOptions options)
{
    public static readonly ApiColumn[] Columns =
    [
        ApiColumn.Text("tenant"), ApiColumn.Text("id"), ApiColumn.Text("label"), ApiColumn.Text("hint"), ApiColumn.Text("origin"), ApiColumn.Text("state"),
        ApiColumn.Instant("createdAt", "created (UTC)"), ApiColumn.Instant("expiresAt", "expires (UTC)"), ApiColumn.Usd("limits.daily.maxUSD", "USD a day"),
    ];

    private static readonly ListFilter[] Filters = [new("tenant", "Only this tenant."), new("q", "Only those with this text in their id, label or hint.")];

    private readonly ChangeOptions change = new(options);
    private readonly Argument<string> tenant = new("TENANT") { Description = "The tenant's id." };
    private readonly Argument<string> key = new("KEY") { Description = "The key's id." };
    private readonly Option<string?> keyId = new("--id") { Description = "The new key's id; one is made without it." };
    private readonly Option<int> overlap = new("--overlap-minutes") { Description = "How long the old secret goes on working; 0 unless said otherwise." };
    private readonly DocumentOptions members = DocumentOptions.Limits()
        .Text("--label", "What it is for.", "label")
        .Text("--expires", "An instant from which on it is refused.", "expiresAt");

    public static Command Create(StoreOptions options)
    {
        var keys = new KeysCommand(options);
        var (change, tenant, key) = (keys.change, keys.tenant, keys.key);
        var issue = change.Command("issue", "Make a key for a tenant, and print it this once.", [tenant, keys.keyId], keys.IssueAsync);
        var update = change.Command("update", "Change a key's label, limits or end.", [tenant, key], keys.UpdateAsync);
        keys.members.AddTo(issue);
        keys.members.AddTo(update);
        return new Command("keys", "Show, issue, rotate, change and revoke tenants' keys.")
        {
            ListCommand.Create(options, "list", "Show the keys, without their secrets.", "/api/keys", Filters, Columns),
            issue,
            change.Command("rotate", "Give a key a new secret, and print it this once.", [tenant, key, keys.overlap, change.Yes], keys.RotateAsync),
            update,
            change.Command("revoke", "Refuse a key from now on.", [tenant, key, change.Reason, change.Yes], keys.RevokeAsync),
        };
    }

    private async Task<int> IssueAsync(ParseResult parsed, OperatorApi api, CancellationToken cancellationToken)
    {
        var body = new JsonObject();
        if (parsed.GetValue(keyId) is { } name)
        {
            body["id"] = name;
        }

        members.Write(parsed, body);
        var issued = await api.ChangeAsync(HttpMethod.Post, Keys(parsed), body, version: null, cancellationToken);
        return await SayAsync(parsed, issued);
    }

    private async Task<int> RotateAsync(ParseResult parsed, OperatorApi api, CancellationToken cancellationToken)
    {
        var minutes = parsed.GetValue(overlap);
        if (minutes == 0 && await change.ConfirmAsync(parsed, $"The secret of {Name(parsed)} stops working at once; --overlap-minutes would leave time to change it. Rotate it?", cancellationToken) is { } stopped)
        {
            return stopped;
        }

        var rotated = await api.ChangeAsync(HttpMethod.Post, $"{At(parsed)}/rotate", new JsonObject { ["overlapMinutes"] = minutes }, version: null, cancellationToken);
        return await SayAsync(parsed, rotated, minutes > 0 ? [string.Create(CultureInfo.InvariantCulture, $"  The old one works for another {minutes} minutes.")] : []);
    }

    private async Task<int> UpdateAsync(ParseResult parsed, OperatorApi api, CancellationToken cancellationToken)
    {
        var body = new JsonObject();
        var listed = ApiColumn.Items(await api.GetAsync(Keys(parsed), cancellationToken));
        if (listed.FirstOrDefault(item => ApiColumn.Written(ApiColumn.Find(item, "id")) == parsed.GetValue(key)) is { ValueKind: JsonValueKind.Object } current)
        {
            foreach (var member in (string[])["label", "limits", "expiresAt"])
            {
                if (ApiColumn.Find(current, member) is { } known)
                {
                    body[member] = JsonNode.Parse(known.GetRawText());
                }
            }
        }

        members.Write(parsed, body);
        var changed = await api.ChangeAsync(HttpMethod.Put, At(parsed), body, version: null, cancellationToken);
        return await change.SayAsync(parsed, changed, $"The key {Name(parsed)} is changed.");
    }

    private async Task<int> RevokeAsync(ParseResult parsed, OperatorApi api, CancellationToken cancellationToken)
    {
        if (await change.ConfirmAsync(parsed, $"Revoke the key {Name(parsed)}?", cancellationToken) is { } stopped)
        {
            return stopped;
        }

        var revoked = await api.ChangeAsync(HttpMethod.Delete, At(parsed) + change.Query(parsed), body: null, version: null, cancellationToken);
        return await change.SayAsync(parsed, revoked, $"The key {Name(parsed)} is revoked.");
    }

    /// <summary>The one time that a secret is printed.</summary>
    private Task<int> SayAsync(ParseResult parsed, JsonElement issued, params string[] more) => change.SayAsync(
        parsed, issued, [$"{parsed.GetValue(tenant)}/{ApiColumn.Written(ApiColumn.Find(issued, "id"))}: {ApiColumn.Written(ApiColumn.Find(issued, "secret"))}", "  Only its hash is kept: this is the one time it is shown.", .. more]);

    private string Keys(ParseResult parsed) => $"/api/tenants/{ChangeOptions.Escape(parsed.GetValue(tenant)!)}/keys";

    private string At(ParseResult parsed) => $"{Keys(parsed)}/{ChangeOptions.Escape(parsed.GetValue(key)!)}";

    private string Name(ParseResult parsed) => $"{parsed.GetValue(tenant)}/{parsed.GetValue(key)}";
}
