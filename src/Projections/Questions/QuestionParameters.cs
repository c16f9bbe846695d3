using System.Globalization;
using CCGate.Projections.Spend;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CCGate.Projections.Questions;

/// <summary>Reads the parameters of a question, and says of each what is wrong. One that is not known is an error: a misspelt filter would answer another question.</summary>
internal sealed class QuestionParameters
{
    public const int DefaultLimit = 50;
    public const int MaxLimit = 500;

    private readonly IQueryCollection query;

    public QuestionParameters(HttpRequest request, params string[] known)
    {
        query = request.Query;
        foreach (var (name, values) in query)
        {
            if (!known.Contains(name, StringComparer.Ordinal))
            {
                Errors[name] = [$"There is no such parameter; there are {string.Join(", ", known)}."];
            }
            else if (values.Count != 1)
            {
                Errors[name] = ["Give it once."];
            }
        }
    }

    /// <summary>By parameter; empty when the question can be answered.</summary>
    public Dictionary<string, string[]> Errors { get; } = [];

    public bool AsCsv => OneOf("format", "json", "csv") == "csv";

    public int Limit => (int)(Number("limit", 1, MaxLimit) ?? DefaultLimit);

    /// <summary>Null when it is not given or empty.</summary>
    public string? Text(string name) => query[name] is [{ Length: > 0 } value] ? value : null;

    public long? Number(string name, long min, long max)
    {
        if (query[name] is not [{ } written])
        {
            return null;
        }

        if (long.TryParse(written, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max)
        {
            return number;
        }

        Errors[name] = [$"'{written}' is not a whole number from {min} to {max}."];
        return null;
    }

    public decimal? Usd(string name)
    {
        if (Text(name) is not { } written)
        {
            return null;
        }

        if (decimal.TryParse(written, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var usd) && usd <= 1_000_000)
        {
            return usd;
        }

        Errors[name] = [$"'{written}' is not an amount in USD such as 0.25."];
        return null;
    }

    public string? OneOf(string name, params string[] allowed)
    {
        if (Text(name) is not { } written)
        {
            return null;
        }

        var found = Array.Find(allowed, value => value.Equals(written, StringComparison.OrdinalIgnoreCase));
        if (found is null)
        {
            Errors[name] = [$"'{written}' is none of {string.Join(", ", allowed)}."];
        }

        return found;
    }

    /// <summary>From and to, dates in UTC or instants.</summary>
    public (DateTimeOffset? From, DateTimeOffset? To) Period()
    {
        var (from, to) = (Bound("from", isEnd: false), Bound("to", isEnd: true));
        if (from >= to)
        {
            Errors["from"] = ["It is not before 'to'; the period must not end before it begins."];
        }

        return (from, to);
    }

    public ValidationProblem Problem() => TypedResults.ValidationProblem(Errors);

    private DateTimeOffset? Bound(string name, bool isEnd)
    {
        if (Text(name) is not { } written)
        {
            return null;
        }

        if (SpendQuestionReader.TryReadInstant(written, TimeZoneInfo.Utc, isEnd, out var instant))
        {
            return instant;
        }

        Errors[name] = [SpendQuestionReader.NoInstant(written)];
        return null;
    }
}
