using CCGate.Hosting.OpenApi;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Projections.Docs;

/// <summary><c>/openapi/v1.json</c> describes the API to programs, <c>/docs</c> to people; neither fetches anything from elsewhere.</summary>
internal static class DocsEndpoints
{
    private const string Prefix = "docs";

    // Swagger UI sets styles of elements and has its icons in the style sheet; its scripts are files.
    private const string Policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    public static void MapDocs(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapOpenApi("/openapi/{documentName}.json");
        var page = Page(endpoints);
        endpoints.MapGet("/docs/{**path}", page).ExcludeFromDescription();
    }

    private static RequestDelegate Page(IEndpointRouteBuilder endpoints)
    {
        var page = endpoints.CreateApplicationBuilder();
        page.Use((http, next) =>
        {
            // The middleware below leaves alone whatever an endpoint was chosen for.
            http.SetEndpoint(null);
            http.Response.Headers.ContentSecurityPolicy = Policy;
            return next(http);
        });
        page.UseSwaggerUI(options =>
        {
            options.RoutePrefix = Prefix;
            options.DocumentTitle = "CCGate API";
            options.SwaggerEndpoint($"/openapi/{ApiDocument.Name}.json", "CCGate");
        });
        page.Run(http =>
        {
            http.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        });
        return page.Build();
    }
}
