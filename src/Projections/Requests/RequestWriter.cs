using System.Data.Common;
using Npgsql;

namespace CCGate.Projections.Requests;

/// <summary>Adds rows to the requests table: to PostgreSQL in one statement, to SQLite with one that is prepared once.</summary>
internal static class RequestWriter
{
    private static readonly int Columns = RequestRow.Columns.Split(',').Length;

    public static async Task WriteAsync(string table, List<RequestRecord> rows, DbTransaction transaction, CancellationToken cancellationToken)
    {
        if (rows.Count == 0)
        {
            return;
        }

        await using var command = transaction.Connection!.CreateCommand();
        command.Transaction = transaction;
        var values = string.Join(", ", Enumerable.Range(1, Columns).Select(number => command is NpgsqlCommand ? $"${number}" : $"@p{number}"));
        if (command is NpgsqlCommand postgres)
        {
            command.CommandText = $"insert into {table} ({RequestRow.Columns}) select * from unnest({values}) on conflict do nothing";
            for (var column = 0; column < Columns; column++)
            {
                var at = column;
                postgres.Parameters.Add(column < RequestRecord.TextColumns
                    ? new NpgsqlParameter<string?[]> { TypedValue = [.. rows.Select(row => row.Texts[at])] }
                    : new NpgsqlParameter<long?[]> { TypedValue = [.. rows.Select(row => row.Numbers[at - RequestRecord.TextColumns])] });
            }

            await command.ExecuteNonQueryAsync(cancellationToken);
            return;
        }

        command.CommandText = $"insert into {table} ({RequestRow.Columns}) values ({values}) on conflict do nothing";
        for (var number = 1; number <= Columns; number++)
        {
            var parameter = command.CreateParameter();
            parameter.ParameterName = $"@p{number}";
            command.Parameters.Add(parameter);
        }

        foreach (var row in rows)
        {
            for (var column = 0; column < Columns; column++)
            {
                object? value = column < RequestRecord.TextColumns ? row.Texts[column] : row.Numbers[column - RequestRecord.TextColumns];
                command.Parameters[column].Value = value ?? DBNull.Value;
            }

            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }
}
