/** The two values that a user puts into the document's example: here, whatever the test has set. */
declare var seedTokens: { accessToken: string; antiCsrfToken: string };
