using System.Net;
using CCGate.Hosting.Tenants;
using Microsoft.Extensions.Logging;

namespace CCGate.Hosting.Operators;

/// <summary>What came of a credential: who it is, or how long to wait before another one is looked at.</summary>
internal readonly record struct SignInOutcome(Caller? Caller, TimeSpan? Wait = null);

/// <summary>Checks the credentials that people and programs show, and makes who guesses wait.</summary>
internal sealed partial class SignIn(
    OperatorAuthentication operators, ApiTokens tokens, TenantDirectory tenants, SignInLockout lockout, TimeProvider time, ILogger<SignIn> logger)
{
    // What is guessed without a name is counted under these; no name has a colon, since Basic separates by it.
    private const string Token = ":token";
    private const string Key = ":key";

    public SignInOutcome WithPassword(IPAddress? address, string username, string password) =>
        Check(address, username, "password", () => operators.IsOperator(username, password) ? Caller.Operator(username) : null);

    /// <summary>A token that is right never waits: nobody can guess one, and a program with an old one must not lock out those beside it.</summary>
    public SignInOutcome WithToken(IPAddress? address, string token) =>
        tokens.Find(token) is { } found ? new SignInOutcome(found.ToCaller()) : Check(address, Token, "token", static () => null);

    /// <summary>A key that is right never waits either: behind another reverse proxy everybody has one address, and the surfaces take it too.</summary>
    public SignInOutcome WithKey(IPAddress? address, string key) =>
        tenants.Find(key) is { } found && found.Refusal(time.GetUtcNow()) is null ? new SignInOutcome(Caller.Of(found)) : Check(address, Key, "key", static () => null);

    private SignInOutcome Check(IPAddress? address, string name, string kind, Func<Caller?> find)
    {
        if (lockout.Wait(address, name) is { } wait)
        {
            return new SignInOutcome(null, wait);
        }

        var found = find();
        if (found is null)
        {
            lockout.Fail(address, name);

            // Not the name: people type their password there.
            LogFailed(kind, address);
        }
        else
        {
            lockout.Succeed(address, name);
        }

        return new SignInOutcome(found);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A sign-in with a {Kind} from {Address} failed")]
    private partial void LogFailed(string kind, IPAddress? address);
}
