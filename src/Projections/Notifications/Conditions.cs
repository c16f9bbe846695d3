using CCGate.Hosting.Configuration;
using CCGate.Hosting.Storage;
using Dapper;
using Npgsql;

namespace CCGate.Projections.Notifications;

/// <summary>Something that is so now and of which operators are told when it begins.</summary>
/// <param name="Name">The same for as long as it is the same.</param>
/// <param name="Over">What they are told when it is over; null for nothing.</param>
internal sealed record Condition(string Name, string Kind, string Subject, string Text, string? Over);

/// <summary>What operators were told and is not over, in the database: neither a restart nor a second process tells it again.</summary>
internal sealed class Conditions(Database database, Notifier notifier, TimeProvider time)
{
    private bool isCreated;

    /// <summary>Tells what began, and what of these kinds is over, each by whichever process writes it down first.</summary>
    /// <param name="kinds">What was looked at: the absence of any other kind says nothing.</param>
    public async Task UpdateAsync(IReadOnlyCollection<Condition> now, IReadOnlyCollection<string> kinds, CancellationToken cancellationToken)
    {
        await CreateAsync(cancellationToken);
        var told = await ReadAsync(cancellationToken);
        var names = told.Select(row => row.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var begun in now.Where(condition => !names.Contains(condition.Name)))
        {
            if (await BeginAsync(begun, cancellationToken))
            {
                Tell(begun.Kind, begun.Subject, begun.Text, isOver: false);
            }
        }

        var current = now.Select(condition => condition.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var (name, kind, over) in told.Where(row => kinds.Contains(row.Kind) && !current.Contains(row.Name)))
        {
            await EndAsync(name, kind, over, cancellationToken);
        }
    }

    /// <summary>One condition on its own: it is so, or it is not.</summary>
    public async Task SetAsync(Condition condition, bool isSo, CancellationToken cancellationToken)
    {
        await CreateAsync(cancellationToken);
        if (!isSo)
        {
            await EndAsync(condition.Name, condition.Kind, condition.Over ?? "", cancellationToken);
        }
        else if (await BeginAsync(condition, cancellationToken))
        {
            Tell(condition.Kind, condition.Subject, condition.Text, isOver: false);
        }
    }

    private async Task EndAsync(string name, string kind, string over, CancellationToken cancellationToken)
    {
        if (await WriteAsync("delete from notification_told where name = @name", new { name }, cancellationToken) == 1 && over.Length > 0)
        {
            Tell(kind, over, over, isOver: true);
        }
    }

    private async Task<bool> BeginAsync(Condition begun, CancellationToken cancellationToken) => await WriteAsync(
        "insert into notification_told (name, kind, since, over_text) values (@name, @kind, @since, @over) on conflict (name) do nothing",
        new { name = begun.Name, kind = begun.Kind, since = Instant.ToMicroseconds(time.GetUtcNow()), over = begun.Over ?? "" },
        cancellationToken) == 1;

    /// <summary>Of a soft limit the webhook has the event of the ledger.</summary>
    private void Tell(string kind, string subject, string text, bool isOver)
    {
        var now = time.GetUtcNow();
        notifier.Tell(new Notification(Guid.CreateVersion7(now), kind, now, subject, text, isOver), byEmailOnly: kind == AlertKinds.SoftLimit);
    }

    private async Task<List<(string Name, string Kind, string Over)>> ReadAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        return (await connection.QueryAsync<(string, string, string)>(new CommandDefinition("select name, kind, over_text from notification_told", cancellationToken: cancellationToken))).AsList();
    }

    private async Task CreateAsync(CancellationToken cancellationToken)
    {
        if (!isCreated)
        {
            await WriteAsync(
                "create table if not exists notification_told (name text not null primary key, kind text not null, since bigint not null, over_text text not null)", null, cancellationToken);
            isCreated = true;
        }
    }

    private async Task<int> WriteAsync(string sql, object? parameters, CancellationToken cancellationToken)
    {
        using var turn = await database.TurnAsync(cancellationToken);
        await using var connection = await database.OpenAsync(cancellationToken);
        return await connection.ExecuteAsync(new CommandDefinition(sql, parameters, cancellationToken: cancellationToken));
    }

    /// <summary>Whether the database has a table, asked without failing.</summary>
    public static async Task<bool> HasTableAsync(Database database, string table, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var sql = connection is NpgsqlConnection ? "select count(to_regclass(@table))" : "select count(*) from sqlite_master where type = 'table' and name = @table";
        return await connection.ExecuteScalarAsync<long>(new CommandDefinition(sql, new { table }, cancellationToken: cancellationToken)) > 0;
    }
}
