using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace CCGate.Cli.Commands;

/// <summary>What commands that change something share: why, whether to ask first, and how the answer is printed.</summary>
internal sealed class ChangeOptions(StoreOptions options)
{
    public Option<string?> Reason { get; } = new("--reason") { Description = "Why; it is kept for ever." };

    public Option<bool> Yes { get; } = new("--yes") { Description = "Do not ask first." };

    public Option<bool> Json { get; } = new("--json") { Description = "Print JSON as the API answers it." };

    /// <summary>A command that asks the API, whose failures are one line.</summary>
    public Command Command(string name, string description, IEnumerable<Symbol> own, Func<ParseResult, OperatorApi, CancellationToken, Task<int>> run)
    {
        var command = new Command(name, description) { Json, options.Config, options.Data, options.Url };
        foreach (var symbol in own)
        {
            if (symbol is Argument argument)
            {
                command.Arguments.Add(argument);
            }
            else
            {
                command.Options.Add((Option)symbol);
            }
        }

        command.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, async () =>
        {
            await using var api = await OperatorApi.OpenAsync(parsed, options, cancellationToken);
            return await run(parsed, api, cancellationToken);
        }));
        return command;
    }

    /// <summary>Whether to go on with what cannot be undone; without a terminal only <c>--yes</c> says so.</summary>
    /// <returns>Null to go on, else the exit code.</returns>
    public async Task<int?> ConfirmAsync(ParseResult parsed, string question, CancellationToken cancellationToken)
    {
        if (parsed.GetValue(Yes))
        {
            return null;
        }

        var output = parsed.InvocationConfiguration.Output;
        if (!Terminal.IsInteractive(output) || Console.IsInputRedirected)
        {
            await parsed.InvocationConfiguration.Error.WriteLineAsync($"{question} This cannot be undone: say --yes.");
            return Exit.Usage;
        }

        return await new ConfirmationPrompt(Markup.Escape(question)) { DefaultValue = false }.ShowAsync(Terminal.On(output), cancellationToken) ? null : Exit.Failed;
    }

    /// <summary>The answer itself for programs, a sentence for people.</summary>
    public async Task<int> SayAsync(ParseResult parsed, JsonElement answer, params string[] lines)
    {
        var output = parsed.InvocationConfiguration.Output;
        foreach (var line in parsed.GetValue(Json) ? [answer.GetRawText()] : lines)
        {
            await output.WriteLineAsync(line);
        }

        return Exit.Ok;
    }

    public JsonObject Body(ParseResult parsed, JsonObject body)
    {
        if (parsed.GetValue(Reason) is { } reason)
        {
            body["reason"] = reason;
        }

        return body;
    }

    /// <summary>For what is deleted: the reason goes into the query.</summary>
    public string Query(ParseResult parsed) => parsed.GetValue(Reason) is { } reason ? "?reason=" + Uri.EscapeDataString(reason) : "";

    public static string Escape(string part) => Uri.EscapeDataString(part);
}
