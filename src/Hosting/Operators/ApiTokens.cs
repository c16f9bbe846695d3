using System.Collections.Concurrent;
using System.Collections.Frozen;
using CCGate.Hosting.Configuration;

namespace CCGate.Hosting.Operators;

/// <summary>A token that a program asks <c>/api</c> with; its secret is kept as a hash.</summary>
internal sealed record ApiToken(Guid Id, string Name, string Scope, SecretHash Secret, string Hint, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt, string By)
{
    /// <summary>What every token begins with, so that it is known for one wherever it leaks.</summary>
    public const string Prefix = "ccgate_at_";

    public Caller ToCaller() => new(Caller.OperatorRole, Scope, "token:" + Name);
}

/// <summary>Finds the token that a secret is, in the configuration in force.</summary>
internal sealed class ApiTokens
{
    private readonly TimeProvider time;
    private readonly ConcurrentDictionary<Guid, DateTimeOffset> used = new();
    private volatile FrozenDictionary<SecretHash, ApiToken> tokens;

    public ApiTokens(ConfigSource config, TimeProvider time)
    {
        this.time = time;
        tokens = Index(config.Current);
        config.Changed += next =>
        {
            tokens = Index(next);
            foreach (var gone in used.Keys.Except(next.ApiTokens.Select(token => token.Id)))
            {
                used.TryRemove(gone, out _);
            }
        };
    }

    /// <summary>Null when there is no such token, or no more.</summary>
    public ApiToken? Find(string secret)
    {
        var now = time.GetUtcNow();
        if (!tokens.TryGetValue(SecretHash.Of(secret), out var token) || token.ExpiresAt <= now)
        {
            return null;
        }

        used[token.Id] = now;
        return token;
    }

    /// <summary>As this process knows it since it started.</summary>
    public DateTimeOffset? LastUsed(Guid token) => used.TryGetValue(token, out var at) ? at : null;

    private static FrozenDictionary<SecretHash, ApiToken> Index(GatewayConfig config) => config.ApiTokens.DistinctBy(token => token.Secret).ToFrozenDictionary(token => token.Secret);
}
