using System.CommandLine;
using System.Globalization;
using CCGate.Projections.Billing;
using CCGate.Projections.Engine;
using CCGate.Projections.Spend;
using Spectre.Console;

namespace CCGate.Cli.Commands;

/// <summary><c>ccgate billing verify</c> and <c>rebuild</c>: proves the bill, and makes it again from the events.</summary>
internal sealed class BillingCommand
{
    private readonly StoreOptions options;
    private readonly Option<string?> from = new("--from") { Description = "The first date (UTC), or an instant with its offset." };
    private readonly Option<string?> to = new("--to") { Description = "The last date (UTC), or an instant with its offset (not included)." };
    private readonly Option<string?> projection = new("--projection") { Description = "Only this projection." };

    private BillingCommand(StoreOptions options) => this.options = options;

    public static Command Create(StoreOptions options)
    {
        var billing = new BillingCommand(options);
        var command = new Command("billing", "Prove the bill, make it again from the events, hand it out, or compare it with the provider's.") { billing.Verify(), billing.Rebuild(), ExportCommand.Create(options), RerateCommand.Create(options), ExplainCommand.Create(options), ReconcileCommand.Create(options) };
        foreach (var adjusting in AdjustCommand.Create(options))
        {
            command.Add(adjusting);
        }

        return command;
    }

    private Command Verify()
    {
        var command = new Command("verify", "Recompute every total from the events and compare; exit 1 when there is a difference.")
        {
            from, to, options.Config, options.Data,
        };
        command.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, () => VerifyAsync(parsed, cancellationToken)));
        return command;
    }

    private Command Rebuild()
    {
        var command = new Command("rebuild", "Fill the read models again beside the live ones, compare and swap; exit 1 when they differed.")
        {
            projection, options.Config, options.Data,
        };
        command.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, () => RebuildAsync(parsed, cancellationToken)));
        return command;
    }

    private async Task<int> VerifyAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
        await using var store = options.Open(parsed);
        var reader = new SpendQuestionReader(store.Config);
        var question = reader.Read(name => name == "from" ? parsed.GetValue(from) : name == "to" ? parsed.GetValue(to) : null);
        if (reader.Errors.Count > 0)
        {
            await error.WriteLineAsync(string.Join('\n', reader.Errors.Select(found => $"--{found.Key}: {string.Join(' ', found.Value)}")));
            return Exit.Usage;
        }

        var stopped = await TryCatchUpAsync(store, error, cancellationToken);
        var report = await new BillingVerify(store.Database, store.Events).RunAsync(new BillingPeriod(question.From, question.To), cancellationToken);
        await WriteAsync(report, output);
        return report.IsRight && !stopped ? Exit.Ok : Exit.Failed;
    }

    /// <summary>A projection that stands still is a finding of its own; what stands in front of it can still be verified.</summary>
    private static async Task<bool> TryCatchUpAsync(OpenStore store, TextWriter error, CancellationToken cancellationToken)
    {
        try
        {
            await store.CatchUpAsync(cancellationToken);
            return false;
        }
        catch (UnreadableEventException unreadable)
        {
            await error.WriteLineAsync($"{unreadable.Message} Everything up to there is verified below.");
            return true;
        }
    }

    private static async Task WriteAsync(BillingReport report, TextWriter output)
    {
        foreach (var difference in report.Differences)
        {
            await output.WriteLineAsync($"{difference.Kind}: {difference.Subject}: should be {difference.Expected}, is {difference.Actual}");
        }

        if (report.DifferenceCount > report.Differences.Count)
        {
            await output.WriteLineAsync($"… and {report.DifferenceCount - report.Differences.Count} more");
        }

        await output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"{report.Events:N0} events up to position {report.Position}, {report.Requests:N0} requests and {report.Attempts:N0} attempts in the period"));
        await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"events: {report.SpendUsd} USD, read model: {report.RowsUsd} USD"));
        await output.WriteLineAsync(report.IsRight ? "The bill is right." : $"{report.DifferenceCount} differences.");
    }

    private async Task<int> RebuildAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var output = parsed.InvocationConfiguration.Output;
        await using var store = options.Open(parsed);
        var name = parsed.GetValue(projection);
        var chosen = store.Projections.Where(known => name is null || known.Name == name).ToList();
        if (chosen.Count == 0)
        {
            var names = string.Join(", ", store.Projections.Select(known => known.Name));
            await parsed.InvocationConfiguration.Error.WriteLineAsync($"--projection: there is no '{name}'; there are {names}.");
            return Exit.Usage;
        }

        await store.CatchUpAsync(cancellationToken);
        var identical = true;
        foreach (var one in chosen)
        {
            var report = await RebuildProgressBar.RunAsync(
                output, one.Name, progress => store.Rebuild.RunAsync(one, progress, cancellationToken));
            identical &= report.Identical;
            await output.WriteLineAsync(Describe(report, one));
        }

        return identical ? Exit.Ok : Exit.Failed;
    }

    private static string Describe(RebuildReport report, IProjection projection) => report.Identical
        ? $"{report.Projection}: {report.RebuiltRows} rows rebuilt at position {report.Position}, identical to the live ones."
        : $"{report.Projection}: {report.RebuiltRows} rows rebuilt at position {report.Position}; {report.OnlyLive} of the {report.LiveRows} live rows "
            + $"differed, {report.OnlyRebuilt} rebuilt ones took their place. The old table is kept as {ProjectionRebuild.RetiredTable(projection)}.";
}

/// <summary>Shows how far a rebuild is: a bar on a terminal, a line for every tenth elsewhere.</summary>
internal static class RebuildProgressBar
{
    public static async Task<RebuildReport> RunAsync(TextWriter output, string name, Func<IProgress<RebuildProgress>, Task<RebuildReport>> rebuild)
    {
        if (!Terminal.IsInteractive(output))
        {
            return await rebuild(new ProgressLines(output, name));
        }

        return await AnsiConsole.Progress().StartAsync(context => rebuild(new ProgressBar(context.AddTask(name))));
    }

    private sealed class ProgressBar(ProgressTask task) : IProgress<RebuildProgress>
    {
        public void Report(RebuildProgress value)
        {
            task.MaxValue = Math.Max(1, value.Fence);
            task.Value = value.Fence == 0 ? 1 : value.Position;
        }
    }

    private sealed class ProgressLines(TextWriter output, string name) : IProgress<RebuildProgress>
    {
        private long reported = -1;

        public void Report(RebuildProgress value)
        {
            var tenths = value.Fence == 0 ? 10 : value.Position * 10 / value.Fence;
            if (tenths > reported)
            {
                reported = tenths;
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: {tenths * 10}% (position {value.Position} of {value.Fence})"));
            }
        }
    }
}
