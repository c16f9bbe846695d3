using System.Globalization;
using System.Text.Json;

namespace CCGate.Projections.Reconciliation;

/// <summary>Asks a provider for its report, page by page, with a key that may administer the organisation.</summary>
internal sealed class ReportClient(HttpClient http, Uri? url, string key)
{
    /// <summary>Each has up to a month; a provider that hands out the same page for ever must end somewhere.</summary>
    private const int MaxPages = 500;

    /// <summary>The most days in a page that all of these endpoints allow.</summary>
    private const int DaysPerPage = 31;

    /// <summary>The variable that holds the key.</summary>
    public static string KeyVariable(ReportFormat format) => format is ReportFormat.AnthropicUsage or ReportFormat.AnthropicCost ? "ANTHROPIC_ADMIN_KEY" : "OPENAI_ADMIN_KEY";

    /// <exception cref="ReportException">The provider does not give it.</exception>
    public async Task<IReadOnlyList<ReportPage>> FetchAsync(ReportFormat format, DateOnly from, DateOnly to, CancellationToken cancellationToken)
    {
        var pages = new List<ReportPage>();
        string? next = null;
        do
        {
            if (pages.Count == MaxPages)
            {
                throw new ReportException($"The report has more than {MaxPages} pages; ask for a shorter period.");
            }

            var address = Address(format, from, to, next);
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            Authorize(request, format);
            using var response = await http.SendAsync(request, cancellationToken);
            var content = await response.Content.ReadAsByteArrayAsync(cancellationToken);
            if (!response.IsSuccessStatusCode)
            {
                throw new ReportException($"{address.GetLeftPart(UriPartial.Path)} answered {(int)response.StatusCode}. Check that {KeyVariable(format)} is an admin key of the organisation.");
            }

            pages.Add(new ReportPage(address.GetLeftPart(UriPartial.Path), content));
            next = NextPage(pages[^1]);
        }
        while (next is not null);

        return pages;
    }

    private Uri Address(ReportFormat format, DateOnly from, DateOnly to, string? page)
    {
        var (host, path, query) = format switch
        {
            ReportFormat.AnthropicUsage => ("https://api.anthropic.com", "/v1/organizations/usage_report/messages", $"{Instants(from, to)}&bucket_width=1d&group_by[]=model"),
            ReportFormat.AnthropicCost => ("https://api.anthropic.com", "/v1/organizations/cost_report", $"{Instants(from, to)}&bucket_width=1d&group_by[]=description"),
            ReportFormat.OpenAIUsage => ("https://api.openai.com", "/v1/organization/usage/completions", $"{Seconds(from, to)}&bucket_width=1d&group_by=model"),
            ReportFormat.OpenAICosts => ("https://api.openai.com", "/v1/organization/costs", $"{Seconds(from, to)}&bucket_width=1d"),
            _ => throw new ReportException("A CSV report cannot be fetched; give the file with --report."),
        };
        var pages = page is null ? "" : "&page=" + Uri.EscapeDataString(page);
        return new Uri(url ?? new Uri(host), string.Create(CultureInfo.InvariantCulture, $"{path}?{query}&limit={DaysPerPage}{pages}"));
    }

    private static string Instants(DateOnly from, DateOnly to) =>
        string.Create(CultureInfo.InvariantCulture, $"starting_at={from:yyyy-MM-dd}T00:00:00Z&ending_at={to.AddDays(1):yyyy-MM-dd}T00:00:00Z");

    private static string Seconds(DateOnly from, DateOnly to) =>
        string.Create(CultureInfo.InvariantCulture, $"start_time={Start(from).ToUnixTimeSeconds()}&end_time={Start(to.AddDays(1)).ToUnixTimeSeconds()}");

    private static DateTimeOffset Start(DateOnly day) => new(day.ToDateTime(TimeOnly.MinValue), TimeSpan.Zero);

    private void Authorize(HttpRequestMessage request, ReportFormat format)
    {
        if (format is ReportFormat.AnthropicUsage or ReportFormat.AnthropicCost)
        {
            request.Headers.Add("x-api-key", key);
            request.Headers.Add("anthropic-version", "2023-06-01");
        }
        else
        {
            request.Headers.Authorization = new("Bearer", key);
        }
    }

    private static string? NextPage(ReportPage page)
    {
        try
        {
            using var document = JsonDocument.Parse(page.Content);
            return document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("has_more", out var more) && more.ValueKind == JsonValueKind.True
                && document.RootElement.TryGetProperty("next_page", out var next) && next.ValueKind == JsonValueKind.String
                ? next.GetString()
                : null;
        }
        catch (JsonException malformed)
        {
            throw new ReportException($"{page.Name} did not answer with JSON: {malformed.Message}");
        }
    }
}
