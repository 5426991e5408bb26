const supertokens = require("postern");
async function changeSessionDataAPI() {
  let session;
  try {
    let accessToken = seedTokens.accessToken;
    let antiCsrfToken = seedTokens.antiCsrfToken;
    let response = await supertokens.getSession(accessToken, antiCsrfToken);
    // .. check if received a new access token and handle that.
    session = response.session;
  } catch (err) {
    //...
  }
  try {
    // get JWT payload
    let jwtPayload = session.jwtPayload;
    // get session data from database
    let sessionData = await supertokens.getSessionData(session.handle);
    // overwrite current session data.
    await supertokens.updateSessionData(session.handle, {comment: "new session data"});
    // success!
  } catch (err) {
    if (supertokens.Error.isErrorFromAuth(err)) {
      if (err.errType === supertokens.Error.GENERAL_ERROR) {
        // send 500 status code
      } else { // UNAUTHORISED
        clearAuthCookies();
        // redirect to user login.
      }
    } else {
      // send 500 status code
    }
  }
}
function clearAuthCookies() {
  // clear sAccessToken, sRefreshToken, sIdRefreshToken
}

// Not in the document: how the tests get hold of the function.
module.exports = { changeSessionDataAPI };
