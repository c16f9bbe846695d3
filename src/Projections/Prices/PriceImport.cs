using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;

namespace CCGate.Projections.Prices;

/// <summary>Reads a price file, our own or LiteLLM's.</summary>
internal static class PriceImport
{
    public const string Own = "ccgate";
    public const string LiteLlm = "litellm";

    /// <summary>Which of the two a file is; null when it is neither.</summary>
    public static string? Detect(JsonElement root) => root switch
    {
        { ValueKind: JsonValueKind.Object } when root.TryGetProperty("prices", out var prices) && prices.ValueKind == JsonValueKind.Array => Own,
        _ when LiteLlmPrices.IsOne(root) => LiteLlm,
        _ => null,
    };

    /// <summary>Null when it is no such file; the errors say why.</summary>
    /// <param name="root">The file.</param>
    /// <param name="format">What it is; null when it is neither.</param>
    /// <param name="day">For entries that have no date.</param>
    /// <param name="provider">Only this provider's entries.</param>
    /// <param name="models">Only models of these patterns; empty for all.</param>
    /// <param name="errors">By JSON path.</param>
    public static ImportedPrices? Read(JsonElement root, string? format, DateOnly day, string? provider, IReadOnlyList<string> models, List<(string Path, string Message)> errors)
    {
        switch (format)
        {
            case Own:
                return PriceBookFile.Read(root, errors) is { } book ? Chosen(book, provider, models) : null;
            case LiteLlm:
                return new LiteLlmPrices(day, provider, models).Read(root);
            default:
                errors.Add(("$", "is neither a prices.json nor LiteLLM's model_prices_and_context_window.json"));
                return null;
        }
    }

    private static ImportedPrices Chosen(PriceBook book, string? provider, IReadOnlyList<string> models)
    {
        var chosen = book.Prices.Where(price => models.Count == 0 || models.Any(pattern => ModelPattern.Matches(pattern, price.Model))).ToList();
        var own = chosen.Where(price => provider is null || string.Equals(price.Provider, provider, StringComparison.OrdinalIgnoreCase)).ToList();
        return new ImportedPrices(own, [], chosen.Count - own.Count);
    }
}
