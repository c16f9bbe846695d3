namespace CCGate.Tests.EndToEnd.Browser;

[Collection(nameof(Browser))]
public sealed class SignInTests(Chromium chromium)
{
    [Fact]
    public async Task The_sign_in_page_is_for_everybody()
    {
        using var files = GatewayFiles.With(GatewayFiles.Simulator());
        using var gateway = await files.RunAsync();
        await using var window = await chromium.OpenAsync(gateway.Url);

        await window.GoAsync("/dashboard");

        await window.Button("Sign in").WaitForAsync();
        await window.ScreenshotAsync("sign-in");
        Assert.Empty(await window.AccessibilityIssuesAsync());
        Assert.Empty(window.Complaints("401"));
    }
}
