using System.Security.Cryptography;
using System.Text;
using CCGate.Contracts;
using CCGate.Hosting.Administration;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Storage;
using CCGate.Metering;
using CCGate.Metering.EventStore;
using CCGate.Projections.Engine;
using Microsoft.AspNetCore.Http;

namespace CCGate.Projections.Administration;

/// <summary>How an operator's change becomes an event, and comes into force in this process before it is answered.</summary>
internal sealed class OperatorChanges(Database database, IEventStore store, EventIntake intake, ProjectionRound round, ProjectionRunner runner, ConfigSource config, TimeProvider time)
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);

    /// <summary>What operators changed until now, in force here from now on.</summary>
    public async Task<AdministrationFacts> ReadAsync(CancellationToken cancellationToken)
    {
        await round.CatchUpAsync(new AdministrationProjection(), cancellationToken);
        var facts = await AdministrationTable.ReadAsync(database, config.Facts, cancellationToken);
        config.Replace(facts);
        return facts;
    }

    /// <summary>Appends a change whose id is that of the next change of its subject, and waits until it is in force here.</summary>
    /// <exception cref="ChangeRefusedException">Somebody else made that next change.</exception>
    public async Task AppendAsync(EventRecord record, ChangeRequest change, CancellationToken cancellationToken)
    {
        if (!await TryAppendAsync(record, cancellationToken))
        {
            throw change.Overtaken();
        }
    }

    /// <summary>False when somebody else made that next change.</summary>
    public async Task<bool> TryAppendAsync(EventRecord record, CancellationToken cancellationToken)
    {
        if (!await intake.AddAsync(record, cancellationToken))
        {
            return false;
        }

        runner.Wake();
        var position = (await store.FindAsync(record.Id, cancellationToken))!.Position;
        var start = time.GetTimestamp();
        while ((await ReadAsync(cancellationToken)).Position < position && time.GetElapsedTime(start) < LongestWait)
        {
            await Task.Delay(Interval, time, cancellationToken);
        }

        return true;
    }

    /// <summary>The id of the change that comes after a version of a subject: of two who make it at the same moment, the ledger takes one.</summary>
    public static Guid IdOf(string subject, long version) =>
        EventId.Of(Encoding.UTF8.GetBytes(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{subject}\n{version}")));

    /// <summary>A secret for a new key: 43 letters and digits have the chance of 32 random bytes.</summary>
    public static string NewSecret() => "ccg_" + RandomNumberGenerator.GetString("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", 43);
}

/// <summary>A change that is not made, as it is answered.</summary>
internal sealed class ChangeRefusedException(int status, string message, IReadOnlyDictionary<string, string[]>? errors = null) : Exception(message)
{
    public static ChangeRefusedException NotFound(string what) => new(StatusCodes.Status404NotFound, what);

    public static ChangeRefusedException Conflict(string why) => new(StatusCodes.Status409Conflict, why);

    public static ChangeRefusedException Invalid(string path, string message, string? allowed = null) => Invalid([new ConfigProblem("", path, message, allowed, IsWarning: false)]);

    /// <exception cref="ChangeRefusedException">There are problems.</exception>
    public static void ThrowIfAny(IReadOnlyCollection<ConfigProblem> problems)
    {
        if (problems.Count > 0)
        {
            throw Invalid(problems);
        }
    }

    /// <summary>A filter that answers what is refused, so that each endpoint says only what it does.</summary>
    public static async ValueTask<object?> AnswerAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        try
        {
            return await next(context);
        }
        catch (ChangeRefusedException refused)
        {
            return refused.Answer();
        }
    }

    private static ChangeRefusedException Invalid(IEnumerable<ConfigProblem> problems) => new(StatusCodes.Status400BadRequest, "It is not valid.", problems
        .GroupBy(problem => problem.Path, problem => $"It {problem.Message}{(problem.Allowed is null ? "" : $"; allowed: {problem.Allowed}")}.")
        .ToDictionary(group => group.Key, group => group.Distinct().ToArray()));

    private IResult Answer() => errors is null
        ? TypedResults.Problem(Message, statusCode: status)
        : TypedResults.ValidationProblem(errors.ToDictionary());
}
