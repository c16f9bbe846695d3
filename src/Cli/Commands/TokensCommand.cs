using System.CommandLine;
using System.Text.Json.Nodes;

namespace CCGate.Cli.Commands;

/// <summary><c>ccgate tokens</c>: what programs show to use the operator's API, instead of the operator's password.</summary>
internal sealed class TokensCommand(StoreOptions options)
{
    private const string Path = "/api/tokens";

    private static readonly ApiColumn[] Columns =
    [
        ApiColumn.Text("id"), ApiColumn.Text("name"), ApiColumn.Text("scope"), ApiColumn.Text("hint"), ApiColumn.Text("by"), ApiColumn.Instant("createdAt", "created (UTC)"),
        ApiColumn.Instant("expiresAt", "expires (UTC)"), ApiColumn.Instant("lastUsedAt", "last used (UTC)"),
    ];

    private readonly ChangeOptions change = new(options);
    private readonly Argument<string> name = new("NAME") { Description = "What it is for; the audit trail names it." };
    private readonly Argument<string> id = new("ID") { Description = "The token's id." };
    private readonly Option<string> scope = new("--scope") { Description = "read, or admin to change things as well.", DefaultValueFactory = _ => "read" };
    private readonly Option<string?> expires = new("--expires") { Description = "An instant from which on it is refused." };

    public static Command Create(StoreOptions options)
    {
        var tokens = new TokensCommand(options);
        tokens.scope.AcceptOnlyFromAmong("read", "admin");
        var change = tokens.change;
        return new Command("tokens", "Show, issue and revoke tokens for the operator's API.")
        {
            ListCommand.Create(options, "list", "Show the tokens, without their secrets.", Path, [], Columns),
            change.Command("issue", "Make a token, and print it this once.", [tokens.name, tokens.scope, tokens.expires], tokens.IssueAsync),
            change.Command("revoke", "Refuse a token from now on.", [tokens.id, change.Yes], tokens.RevokeAsync),
        };
    }

    private async Task<int> IssueAsync(ParseResult parsed, OperatorApi api, CancellationToken cancellationToken)
    {
        var body = new JsonObject { ["name"] = parsed.GetValue(name), ["scope"] = parsed.GetValue(scope) };
        if (parsed.GetValue(expires) is { } end)
        {
            body["expiresAt"] = end;
        }

        var issued = await api.ChangeAsync(HttpMethod.Post, Path, body, version: null, cancellationToken);
        return await change.SayAsync(parsed, issued, ApiColumn.Written(ApiColumn.Find(issued, "token")), $"  Only its hash is kept: this is the one time it is shown. Commands take it from {OperatorCredentials.Token}.");
    }

    private async Task<int> RevokeAsync(ParseResult parsed, OperatorApi api, CancellationToken cancellationToken)
    {
        if (await change.ConfirmAsync(parsed, $"Revoke the token {parsed.GetValue(id)}?", cancellationToken) is { } stopped)
        {
            return stopped;
        }

        var revoked = await api.ChangeAsync(HttpMethod.Delete, $"{Path}/{ChangeOptions.Escape(parsed.GetValue(id)!)}", body: null, version: null, cancellationToken);
        return await change.SayAsync(parsed, revoked, $"The token {parsed.GetValue(id)} is revoked.");
    }
}
