using Spectre.Console;

namespace CCGate.Cli.Commands;

/// <summary>What <c>ccgate init</c> asks in a terminal; what an option said already is not asked.</summary>
internal static class InitQuestions
{
    private const string Other = "another address";

    public static async Task<InitAnswers> AskAsync(IAnsiConsole console, InitAnswers given, CancellationToken cancellationToken) => given with
    {
        Upstreams = given.Upstreams.Count > 0 ? given.Upstreams : [await UpstreamAsync(console, cancellationToken)],
        Tenant = await new TextPrompt<string>("Id of the first tenant:").DefaultValue(given.Tenant).ShowAsync(console, cancellationToken),
        DailyUsd = given.DailyUsd ?? await DailyUsdAsync(console, cancellationToken),
        AdminPassword = given.AdminPassword
            ?? await new TextPrompt<string>("Operator's password (empty: one is made):").Secret().AllowEmpty().ShowAsync(console, cancellationToken) switch { "" => null, var written => written },
    };

    private static async Task<InitUpstream> UpstreamAsync(IAnsiConsole console, CancellationToken cancellationToken)
    {
        var kind = await new SelectionPrompt<string>().Title("Where do requests go?").AddChoices([.. InitUpstream.Kinds, Other]).ShowAsync(console, cancellationToken);
        string? written = null;
        if (kind == Other)
        {
            written = "upstream=" + await new TextPrompt<string>("Its address:").ShowAsync(console, cancellationToken);
            kind = await new SelectionPrompt<string>().Title("Which protocol does it speak?").AddChoices(InitUpstream.Kinds.Where(known => known != InitUpstream.Simulator)).ShowAsync(console, cancellationToken);
        }

        return InitUpstream.Parse(written ?? kind, kind, kind == InitUpstream.Simulator ? null : await KeyAsync(console, kind, cancellationToken));
    }

    private static async Task<string?> KeyAsync(IAnsiConsole console, string kind, CancellationToken cancellationToken)
    {
        var variable = InitUpstream.VariableOf(kind)!;
        var isSet = !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(variable));
        var question = new TextPrompt<string>(isSet ? $"Its key (empty: the environment variable {variable}):" : "Its key:").Secret();
        question.AllowEmpty = isSet;
        return await question.ShowAsync(console, cancellationToken) switch { "" => null, var written => written };
    }

    private static async Task<decimal?> DailyUsdAsync(IAnsiConsole console, CancellationToken cancellationToken) =>
        await new TextPrompt<decimal>("USD the tenant may spend in a day (0: no limit):").DefaultValue(10m).ShowAsync(console, cancellationToken) switch { 0m => null, var limit => limit };
}
