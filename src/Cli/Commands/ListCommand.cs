using System.CommandLine;
using System.Globalization;

namespace CCGate.Cli.Commands;

/// <summary>A parameter of a list's query, and the option that sets it.</summary>
/// <param name="Parameter">Its name in the query; <c>minUsd</c> is the option <c>--min-usd</c>.</param>
/// <param name="Description">What it selects.</param>
/// <param name="Values">What it may be; none for anything.</param>
internal sealed record ListFilter(string Parameter, string Description, params string[] Values)
{
    public Option<string?> Option()
    {
        var option = new Option<string?>("--" + string.Concat(Parameter.Select(letter => char.IsUpper(letter) ? "-" + char.ToLowerInvariant(letter) : letter.ToString()))) { Description = Description };
        return Values.Length > 0 ? option.AcceptOnlyFromAmong(Values) : option;
    }
}

/// <summary>A command that shows a list of the API: its options are the query, its columns the items' members.</summary>
internal static class ListCommand
{
    public static Command Create(StoreOptions options, string name, string description, string path, IReadOnlyList<ListFilter> filters, IReadOnlyList<ApiColumn> columns)
    {
        var json = new Option<bool>("--json") { Description = $"Print JSON as GET {path} answers it." };
        var limit = new Option<int?>("--limit") { Description = "At most so many, 1 to 500; 50 unless said otherwise." };
        var cursor = new Option<string?>("--cursor") { Description = "Go on where a list ended: its 'next'." };
        var own = filters.Select(filter => (filter.Parameter, Option: filter.Option())).ToList();
        var command = new Command(name, description) { json, limit, cursor, options.Config, options.Data, options.Url };
        own.ForEach(filter => command.Options.Add(filter.Option));
        command.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, () => RunAsync(parsed, cancellationToken)));
        return command;

        async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
        {
            var query = own.Select(filter => (filter.Parameter, Value: parsed.GetValue(filter.Option)))
                .Append((Parameter: "limit", Value: parsed.GetValue(limit)?.ToString(CultureInfo.InvariantCulture)))
                .Append((Parameter: "cursor", Value: parsed.GetValue(cursor)))
                .Where(parameter => parameter.Value is not null)
                .Select(parameter => $"{parameter.Parameter}={Uri.EscapeDataString(parameter.Value!)}");
            await using var api = await OperatorApi.OpenAsync(parsed, options, cancellationToken);
            var answer = await api.GetAsync($"{path}?{string.Join('&', query)}".TrimEnd('?'), cancellationToken);
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(json))
            {
                await output.WriteLineAsync(answer.GetRawText());
                return Exit.Ok;
            }

            Terminal.On(output).Write(ApiColumn.Table(columns, ApiColumn.Items(answer)));
            if (ApiColumn.Find(answer, "next") is { } next)
            {
                await output.WriteLineAsync($"There are more: --cursor {ApiColumn.Written(next)}");
            }

            return Exit.Ok;
        }
    }
}
