using CCGate.Hosting.OpenApi;
using Microsoft.AspNetCore.Builder;

namespace CCGate.Projections.Questions;

/// <summary>What the API document says of lists in pages.</summary>
internal static class PageParameters
{
    public static RouteHandlerBuilder WithPages(this RouteHandlerBuilder endpoint) => endpoint
        .WithNumber("limit", "How many, 1 to 500; 50 when not given.")
        .WithQuery("cursor", "The next of the page before.")
        .WithCsv();

    public static RouteHandlerBuilder WithCsv(this RouteHandlerBuilder endpoint) => endpoint
        .WithQuery("format", "json when not given; csv has the next cursor in the header x-ccgate-next.", "json", "csv")
        .WithTextAnswer("text/csv", "With format=csv: a line of names, and one for each row.");

    public static RouteHandlerBuilder WithPeriod(this RouteHandlerBuilder endpoint) => endpoint
        .WithQuery("from", "The first date, or an instant with its offset.")
        .WithQuery("to", "The last date (included), or an instant with its offset (not included).");
}
