using CCGate.Hosting.Configuration;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Net.Http.Headers;

namespace CCGate.Hosting.Operators;

/// <summary>Which web pages may call the surfaces (CORS). Never with cookies: keys are headers that a page must send on purpose, and <c>/api</c> is not among the paths.</summary>
internal static class SurfaceOrigins
{
    private static readonly string[] Open = ["/v1", "/v1beta", "/anthropic", "/openai", "/gemini", "/usage"];

    public static Task AnswerAsync(HttpContext http, RequestDelegate next)
    {
        var isOptions = HttpMethods.IsOptions(http.Request.Method);
        if ((!isOptions && http.Request.Headers.Origin.Count == 0) || !IsOpen(http.Request.Path))
        {
            return next(http);
        }

        var cors = http.RequestServices.GetRequiredService<ConfigSource>().Current.Cors;
        if (cors.Find(http.Request.Headers.Origin.ToString()) is { } allowed)
        {
            // When the answer starts: an upstream's answer brings headers of its own, which are not for our origin.
            http.Response.OnStarting(() =>
            {
                Write(http, allowed, isOptions);
                return Task.CompletedTask;
            });
        }

        if (!isOptions)
        {
            return next(http);
        }

        http.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    private static void Write(HttpContext http, string allowed, bool isOptions)
    {
        var headers = http.Response.Headers;
        headers.AccessControlAllowOrigin = allowed;
        headers.AccessControlExposeHeaders = "*";
        headers.Remove(HeaderNames.AccessControlAllowCredentials);
        if (allowed != CorsConfig.Any)
        {
            headers.AppendCommaSeparatedValues(HeaderNames.Vary, HeaderNames.Origin);
        }

        if (isOptions)
        {
            headers.AccessControlAllowMethods = "GET, POST, OPTIONS";
            headers.AccessControlMaxAge = "600";

            // As asked: "*" does not stand for Authorization.
            headers.AccessControlAllowHeaders = http.Request.Headers.AccessControlRequestHeaders.ToString() is { Length: > 0 } asked ? asked : "*";
        }
    }

    private static bool IsOpen(PathString path)
    {
        foreach (var prefix in Open)
        {
            if (path.StartsWithSegments(prefix, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }
}
