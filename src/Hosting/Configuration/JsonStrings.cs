using System.Text.Json;

namespace CCGate.Hosting.Configuration;

/// <summary>Finds strings that are no text: JSON can write half of a surrogate pair, and .NET throws only when such a string is read.</summary>
internal static class JsonStrings
{
    public const string Problem = "has a string or a name that is no text: half of a surrogate pair, such as \\ud800";

    /// <summary>Whether every string and every name in it can be read.</summary>
    public static bool AreText(JsonElement element)
    {
        try
        {
            Read(element);
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    // No deeper than the parser allowed.
    private static void Read(JsonElement element)
    {
        if (element.ValueKind == JsonValueKind.String)
        {
            element.GetString();
        }
        else if (element.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in element.EnumerateArray())
            {
                Read(item);
            }
        }
        else if (element.ValueKind == JsonValueKind.Object)
        {
            foreach (var member in element.EnumerateObject())
            {
                _ = member.Name;
                Read(member.Value);
            }
        }
    }
}
