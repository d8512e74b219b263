package validator;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import ca.uhn.fhir.validation.SingleValidationMessage;
import ca.uhn.fhir.validation.ValidationResult;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.hl7.fhir.common.hapi.validation.support.CachingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;

/**
 * Reads a resource a line from standard input and answers each with what was found, a JSON array a line: errors, or with
 * the argument "warnings" these too.
 */
public final class Validate {

  private Validate() {}

  public static void main(String[] arguments) throws Exception {
    FhirValidator validator = validator();
    boolean strict = arguments.length > 0 && arguments[0].equals("warnings");
    ResultSeverityEnum least = strict ? ResultSeverityEnum.WARNING : ResultSeverityEnum.ERROR;
    PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    BufferedReader resources =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = resources.readLine(); line != null; line = resources.readLine()) {
      answers.println(found(validator, line, least));
    }
  }

  private static FhirValidator validator() {
    FhirContext context = FhirContext.forR4();
    ValidationSupportChain chain =
        new ValidationSupportChain(
            new DefaultProfileValidationSupport(context),
            new CommonCodeSystemsTerminologyService(context),
            new InMemoryTerminologyServerValidationSupport(context));
    FhirInstanceValidator module = new FhirInstanceValidator(new CachingValidationSupport(chain));
    module.setNoTerminologyChecks(false);
    module.setErrorForUnknownProfiles(false);
    return context.newValidator().registerValidatorModule(module);
  }

  private static JsonArray found(
      FhirValidator validator, String resource, ResultSeverityEnum least) {
    JsonArray found = new JsonArray();
    try {
      ValidationResult result = validator.validateWithResult(resource);
      for (SingleValidationMessage message : result.getMessages()) {
        if (message.getSeverity().ordinal() >= least.ordinal()) {
          found.add(error(message.getLocationString(), message.getMessageId(), message.getMessage()));
        }
      }
    } catch (RuntimeException refused) {
      found.add(error("", "parser", String.valueOf(refused.getMessage())));
    }
    return found;
  }

  private static JsonObject error(String location, String id, String message) {
    JsonObject error = new JsonObject();
    error.addProperty("location", location);
    error.addProperty("id", id);
    error.addProperty("message", message);
    return error;
  }
}
