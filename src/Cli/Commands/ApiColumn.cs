using System.Globalization;
using System.Text.Json;
using Spectre.Console;

namespace CCGate.Cli.Commands;

/// <summary>A column of a table: a member of the API's items, as people read it. What an item lacks is an empty cell.</summary>
/// <param name="Header">What stands above it.</param>
/// <param name="Cell">An item's text.</param>
/// <param name="IsNumber">Whether it is set to the right.</param>
internal sealed record ApiColumn(string Header, Func<JsonElement, string> Cell, bool IsNumber = false)
{
    public static ApiColumn Text(string member, string? header = null) => new(header ?? member, item => Written(Find(item, member)));

    public static ApiColumn Number(string member, string? header = null) => new(header ?? member, item => Formatted(item, member, "#,0.######"), IsNumber: true);

    public static ApiColumn Usd(string member, string header = "USD") => new(header, item => Formatted(item, member, "#,0.00####"), IsNumber: true);

    public static ApiColumn Share(string member, string? header = null) => new(header ?? member, item => Formatted(item, member, "0.0 %"), IsNumber: true);

    public static ApiColumn Instant(string member, string header) => new(header, item =>
        Find(item, member) is { ValueKind: JsonValueKind.String } found && found.TryGetDateTimeOffset(out var at)
            ? at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)
            : "");

    public static Table Table(IReadOnlyList<ApiColumn> columns, IEnumerable<JsonElement> items)
    {
        var table = new Table().Border(TableBorder.Simple);
        foreach (var column in columns)
        {
            table.AddColumn(column.IsNumber ? new TableColumn(column.Header).RightAligned() : new TableColumn(column.Header));
        }

        foreach (var item in items)
        {
            table.AddRow(columns.Select(column => new Text(column.Cell(item))));
        }

        return table;
    }

    /// <summary>The items of an answer; none when it has none.</summary>
    public static IEnumerable<JsonElement> Items(JsonElement answer, string member = "items") =>
        Find(answer, member) is { ValueKind: JsonValueKind.Array } items ? items.EnumerateArray() : [];

    /// <summary>A member, or a member of a member as <c>limits.daily</c>.</summary>
    public static JsonElement? Find(JsonElement item, string path)
    {
        var found = item;
        foreach (var name in path.Split('.'))
        {
            if (found.ValueKind != JsonValueKind.Object || !found.TryGetProperty(name, out found))
            {
                return null;
            }
        }

        return found;
    }

    public static string Formatted(JsonElement item, string path, string format) =>
        Find(item, path) is { ValueKind: JsonValueKind.Number } found ? found.GetDecimal().ToString(format, CultureInfo.InvariantCulture) : "";

    public static string Written(JsonElement? found) => found switch
    {
        null or { ValueKind: JsonValueKind.Null } => "",
        { ValueKind: JsonValueKind.String } text => text.GetString()!,
        { ValueKind: JsonValueKind.Array } list => string.Join(", ", list.EnumerateArray().Select(part => Written(part))),
        { ValueKind: JsonValueKind.True } => "yes",
        { ValueKind: JsonValueKind.False } => "no",
        { } other => other.GetRawText(),
    };
}
